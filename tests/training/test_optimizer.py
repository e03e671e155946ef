"""Optimizers against the formulas written out."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from charrnn_exp.config.schema import OptimizerConfig
from charrnn_exp.model.network import Network
from charrnn_exp.model.size import SizedModel
from charrnn_exp.training.optimizer import build_optimizer
from tests.conftest import compose_once

Rule = Callable[[Any, Any, int], tuple[Any, Any]]
"""From a gradient, the slots (None before the first) and the number of the step to what is taken off, and the slots."""
RATE = 0.01


def configure(*overrides: str) -> OptimizerConfig:
    return compose_once(*overrides).optimizer


def adam(gradient: Any, slots: Any, step: int) -> tuple[Any, Any]:
    """Kingma and Ba 2015, algorithm 1, epsilon outside the root."""
    mean, square = slots or (0.0, 0.0)
    mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
    rate = RATE * math.sqrt(1 - 0.999**step) / (1 - 0.9**step)
    return rate * mean / (np.sqrt(square) + 1e-7), (mean, square)


def rmsprop(gradient: Any, square: Any, step: int) -> tuple[Any, Any]:
    """Hinton 2012, lecture 6e, epsilon within the root."""
    square = 0.8 * (0.0 if square is None else square) + 0.2 * gradient**2
    return RATE * gradient / np.sqrt(square + 1e-7), square


def sgd(gradient: Any, velocity: Any, step: int) -> tuple[Any, Any]:
    """Sutskever et al. 2013, equations 1 and 2."""
    velocity = 0.7 * (0.0 if velocity is None else velocity) - RATE * gradient
    return -velocity, velocity


def plain_sgd(gradient: Any, slots: Any, step: int) -> tuple[Any, Any]:
    return RATE * gradient, None


@pytest.mark.parametrize(
    ("rule", "words", "decay", "spared"),
    [
        (adam, ["optimizer=adam"], 0.0, []),
        (adam, ["optimizer=adamw", "optimizer.weight_decay=0.1"], 0.1, ["bias"]),
        (rmsprop, ["optimizer=rmsprop", "optimizer.rho=0.8"], 0.0, []),
        (rmsprop, ["optimizer=rmsprop", "optimizer.rho=0.8", "optimizer.weight_decay=0.2"], 0.2, ["bias"]),
        (sgd, ["optimizer=sgd", "optimizer.momentum=0.7"], 0.0, []),
        (
            sgd,
            [
                "optimizer=sgd",
                "optimizer.momentum=0.7",
                "optimizer.weight_decay=0.3",
                "optimizer.weight_decay_exclude=[output,'b.as']",
            ],
            0.3,
            ["output"],
        ),
        (
            plain_sgd,
            [
                "optimizer=sgd",
                "optimizer.momentum=0",
                "optimizer.weight_decay=0.3",
                "optimizer.weight_decay_exclude=[]",
            ],
            0.3,
            [],
        ),
    ],
    ids=["adam", "adamw", "rmsprop", "rmsprop-decay", "momentum", "momentum-decay", "sgd-decay"],
)
def test_updates_equal_the_rule_and_decoupled_decay_written_out(
    small_model: SizedModel, rule: Rule, words: list[str], decay: float, spared: list[str]
) -> None:
    """Loshchilov and Hutter 2019, algorithm 2; the words that spare weights are words, no patterns."""
    network = Network(num_symbols=7, model=small_model, precision="float32", seed=1)
    optimizer = build_optimizer(configure(*words), network)
    variables, generator = network.trainable_variables, np.random.default_rng(0)
    expected: dict[str, Any] = {v.path: np.array(v, np.float64) for v in variables}
    slots = dict.fromkeys(expected)
    for step in range(1, 4):
        gradients = [generator.normal(size=v.shape) for v in variables]
        optimizer.learning_rate.assign(RATE)
        optimizer.apply([np.float32(g) for g in gradients], variables)
        for path, gradient in zip(expected, gradients, strict=True):
            if not any(word in path for word in spared):
                expected[path] = expected[path] * (1 - RATE * decay)
            less, slots[path] = rule(gradient, slots[path], step)
            expected[path] = expected[path] - less
    for variable in variables:
        np.testing.assert_allclose(variable, expected[variable.path], rtol=1e-4, atol=1e-6)
