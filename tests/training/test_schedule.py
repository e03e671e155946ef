"""Learning rates against the formulas written out."""

import dataclasses
import itertools
import math
from dataclasses import replace
from typing import Any

import pytest

from charrnn_exp.config.choices import Schedule
from charrnn_exp.config.schema import OptimizerConfig
from charrnn_exp.data.plan import Reshape, plan_run
from charrnn_exp.training.schedule import find_learning_rate, find_planned_rate, find_plateau_factor
from tests.conftest import compose_once


def configure(*overrides: str) -> OptimizerConfig:
    return compose_once("optimizer.learning_rate=0.8", *overrides).optimizer


def rates(optimizer: OptimizerConfig, num_steps: int, **options: Any) -> list[float]:
    return [
        find_learning_rate(optimizer, step=step, num_steps=num_steps, **{"steps_per_epoch": 3, **options})
        for step in range(num_steps)
    ]


def test_the_warmup_grows_linearly_to_the_peak() -> None:
    optimizer = configure("optimizer.warmup_steps=4", "optimizer.schedule=constant")
    assert rates(optimizer, 6) == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.8, 0.8])


def test_no_warmup_starts_at_the_peak() -> None:
    assert rates(configure("optimizer.warmup_steps=0"), 5)[0] == 0.8


@pytest.mark.parametrize("least", [0.0, 0.1])
def test_the_cosine_falls_from_the_peak_to_the_least_rate(least: float) -> None:
    optimizer = configure("optimizer.warmup_steps=2", f"optimizer.min_learning_rate={least}")
    assert optimizer.schedule is Schedule.cosine
    half = (0.8 - least) / 2
    expected = [0.4, 0.8, *(least + half * (1 + math.cos(math.pi * k / 8)) for k in range(8))]
    assert rates(optimizer, 10) == pytest.approx(expected)
    for after in (10, 11, 1000):
        assert find_learning_rate(optimizer, step=after, num_steps=10, steps_per_epoch=3) == pytest.approx(least)


def decaying(schedule: str, every: float, *overrides: str) -> OptimizerConfig:
    return configure(
        f"optimizer.schedule={schedule}",
        "optimizer.warmup_steps=2",
        "optimizer.decay_rate=0.5",
        f"optimizer.decay_every_epochs={every}",
        *overrides,
    )


def test_the_exponential_falls_a_little_each_step_by_its_factor_in_so_many_epochs() -> None:
    """Three steps an epoch, so 0.5 in six steps, counted from the end of the warmup."""
    expected = [0.4, 0.8, *(0.8 * 0.5 ** (k / 6) for k in range(13))]
    assert rates(decaying("exponential", 2), 15) == pytest.approx(expected)
    assert expected[8] == pytest.approx(0.4)


def test_the_step_falls_all_at_once_after_so_many_epochs() -> None:
    assert rates(decaying("step", 2), 15) == pytest.approx([0.4, *[0.8] * 7, *[0.4] * 6, 0.2])


def test_parts_of_epochs_are_whole_steps_that_no_rounding_moves() -> None:
    """0.1 of 30 steps is a little more than 3 in floating point: the rate falls after 3 all the same."""
    optimizer = decaying("step", 0.1, "optimizer.warmup_steps=0")
    assert rates(optimizer, 7, steps_per_epoch=30) == pytest.approx([0.8] * 3 + [0.4] * 3 + [0.2])
    assert rates(optimizer, 3, steps_per_epoch=1) == pytest.approx([0.8, 0.4, 0.2])


@pytest.mark.parametrize("schedule", ["exponential", "step"])
def test_a_decaying_rate_stops_at_the_least_one(schedule: str) -> None:
    optimizer = decaying(schedule, 1, "optimizer.min_learning_rate=0.3")
    assert min(rates(optimizer, 40)) == rates(optimizer, 40)[-1] == 0.3
    assert rates(optimizer, 40)[:4] == rates(decaying(schedule, 1), 40)[:4]


def test_the_plateau_falls_each_time_its_patience_has_run_out_and_never_rises() -> None:
    optimizer = configure(
        "optimizer.schedule=plateau", "optimizer.plateau_patience=2", "optimizer.decay_rate=0.5",
        "optimizer.warmup_steps=2", "optimizer.min_learning_rate=0.15",
    )  # fmt: skip
    since_best, factor, factors = [0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 0, 0], 1.0, []
    for validations in since_best:
        factor = find_plateau_factor(optimizer, factor=factor, validations_since_best=validations)
        factors.append(factor)
    assert factors == [1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125, 0.125, 0.125]
    for factor, rate in ((1.0, 0.8), (0.5, 0.4), (0.25, 0.2), (0.125, 0.15)):
        assert rates(optimizer, 4, plateau_factor=factor) == pytest.approx([0.4, 0.8, rate, rate])


def test_no_other_schedule_knows_of_plateaus() -> None:
    optimizer = configure()
    assert find_plateau_factor(optimizer, factor=1.0, validations_since_best=99) == 1.0


def test_a_schedule_that_is_unknown_is_a_bug() -> None:
    optimizer = dataclasses.replace(configure(), schedule=None)  # type: ignore[arg-type]
    with pytest.raises(AssertionError):
        find_learning_rate(optimizer, step=60, num_steps=100, steps_per_epoch=3)


def test_a_rate_does_not_jump_where_the_shape_of_the_batches_changes() -> None:
    """20 epochs of 25 updates, of which the last 10 have 50 updates each; the rate follows the share that is done."""
    config = compose_once("optimizer.warmup_steps=40", "training.epochs=20", "training.batch_size=2")
    training = replace(config.training, sequence_length=4)
    change = Reshape(step=250, field="batch_size", old=4, new=2)
    plan, plain = (plan_run(401, training, seed=1, reshapes=reshapes) for reshapes in ((change,), ()))
    assert [order.steps_per_epoch for order in (plan.find_order(9), plan.find_order(10))] == [25, 50]
    found = [
        find_planned_rate(config.optimizer, training, plan, step=step) for step in range(plan.count_steps(training))
    ]
    assert len(found) == 750
    steps = [abs(after - before) for before, after in itertools.pairwise(found[40:])]
    assert max(steps) < 0.01 * config.optimizer.learning_rate
    assert found[-1] < 1e-4 * config.optimizer.learning_rate
    for step in (0, 39, 40, 500, 999):
        expected = find_learning_rate(config.optimizer, step=step, num_steps=1000, steps_per_epoch=50)
        assert find_planned_rate(config.optimizer, training, plain, step=step) == expected
