"""Optimizers and schedules against the formulas written out."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from charrnn_exp.config.compose import compose_jobs
from charrnn_exp.config.options import Schedule
from charrnn_exp.config.schema import ModelConfig, OptimizerConfig
from charrnn_exp.model.network import Network
from charrnn_exp.training.optimizer import build_optimizer, find_learning_rate


def configure(*overrides: str) -> OptimizerConfig:
    return compose_jobs(list(overrides))[0].optimizer


def rates(optimizer: OptimizerConfig, num_steps: int) -> list[float]:
    return [find_learning_rate(optimizer, step=step, num_steps=num_steps) for step in range(num_steps)]


def test_the_warmup_grows_linearly_to_the_peak() -> None:
    optimizer = configure("optimizer.warmup_steps=4", "optimizer.learning_rate=0.8", "optimizer.schedule=constant")
    assert rates(optimizer, 6) == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.8, 0.8])


def test_the_cosine_falls_from_the_peak_to_zero() -> None:
    optimizer = configure("optimizer.warmup_steps=2", "optimizer.learning_rate=0.8")
    assert optimizer.schedule is Schedule.cosine
    expected = [0.4, 0.8, *(0.4 * (1 + math.cos(math.pi * k / 8)) for k in range(8))]
    assert rates(optimizer, 10) == pytest.approx(expected)
    assert find_learning_rate(optimizer, step=10, num_steps=10) == pytest.approx(0.0)


def test_no_warmup_starts_at_the_peak() -> None:
    optimizer = configure("optimizer.warmup_steps=0", "optimizer.learning_rate=0.3")
    assert rates(optimizer, 5)[0] == 0.3


@pytest.mark.parametrize("weight_decay", [None, 0.1])
def test_updates_equal_adam_and_decoupled_decay_written_out(small_model: ModelConfig, weight_decay: Any) -> None:
    """Kingma and Ba 2015, algorithm 1; Loshchilov and Hutter 2019, algorithm 2; epsilon outside the root."""
    network = Network(num_symbols=7, model=small_model, precision="float32", seed=1)
    options = [] if weight_decay is None else ["optimizer=adamw", f"optimizer.weight_decay={weight_decay}"]
    optimizer = build_optimizer(configure("optimizer=adam", *options) if not options else configure(*options), network)
    generator = np.random.default_rng(0)
    expected = {v.path: np.array(v, np.float64) for v in network.trainable_variables}
    slots = {path: (0.0, 0.0) for path in expected}
    for step in range(1, 4):
        gradients = [generator.normal(size=v.shape) for v in network.trainable_variables]
        optimizer.learning_rate.assign(0.01)
        optimizer.apply([np.float32(g) for g in gradients], network.trainable_variables)
        for variable, gradient in zip(network.trainable_variables, gradients, strict=True):
            weight, (mean, square) = expected[variable.path], slots[variable.path]
            if weight_decay is not None and "bias" not in variable.path:
                weight = weight - 0.01 * weight_decay * weight
            mean = 0.9 * mean + 0.1 * gradient
            square = 0.999 * square + 0.001 * gradient**2
            rate = 0.01 * math.sqrt(1 - 0.999**step) / (1 - 0.9**step)
            expected[variable.path] = weight - rate * mean / (np.sqrt(square) + 1e-7)
            slots[variable.path] = (mean, square)
    for variable in network.trainable_variables:
        np.testing.assert_allclose(variable, expected[variable.path], rtol=1e-4, atol=1e-6)


def test_a_schedule_that_is_unknown_is_a_bug(small_model: ModelConfig) -> None:
    optimizer = dataclasses.replace(configure(), schedule=None)  # type: ignore[arg-type]
    with pytest.raises(AssertionError):
        find_learning_rate(optimizer, step=60, num_steps=100)
