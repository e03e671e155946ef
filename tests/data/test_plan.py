"""The plan of a run: the batches of each epoch, also where a resumed run changes their shape."""

from dataclasses import replace

import pytest

from charrnn_exp.config.schema import TrainingConfig
from charrnn_exp.data.batches import plan_batches
from charrnn_exp.data.plan import BatchPlan, Reshape, plan_run
from charrnn_exp.errors import MachineError, UserError
from tests.conftest import compose_once

NUM = 101
"""Characters: 5 streams of 20 have 5 windows of 4; 2 streams of 50 have 7 windows of 7."""
SHAPES = (Reshape(step=10, field="batch_size", old=5, new=2), Reshape(step=10, field="sequence_length", old=4, new=7))


@pytest.fixture(scope="module")
def training() -> TrainingConfig:
    return replace(compose_once().training, batch_size=2, sequence_length=7, epochs=4)


def plan(training: TrainingConfig, *reshapes: Reshape) -> BatchPlan:
    return plan_run(NUM, training, seed=3, reshapes=reshapes)


def test_a_run_without_a_change_has_the_order_and_the_counts_of_its_settings(training: TrainingConfig) -> None:
    one = plan(training)
    assert {one.find_order(epoch) for epoch in range(9)} == {plan_batches(NUM, training, seed=3)}
    assert one.count_steps(training) == one.count_epoch_steps(4) == 4 * 7
    assert one.count_steps(replace(training, max_steps=5)) == 5
    for step in (0, 6, 7, 27):
        position = one.find_position(step, training)
        assert (position.step, position.num_steps, position.steps_per_epoch, position.growth) == (step, 28, 7, 1.0)
        assert one.find_batch_size(step) == 2


def test_epochs_before_a_change_have_the_old_shape_and_those_after_it_the_new_one(training: TrainingConfig) -> None:
    two = plan(training, *SHAPES)
    shapes = [(order.batch_size, order.sequence_length) for order in map(two.find_order, range(4))]
    assert shapes == [(5, 4), (5, 4), (2, 7), (2, 7)]
    assert two.count_steps(training) == 2 * 5 + 2 * 7
    assert two.count_steps(replace(training, max_steps=12)) == 12
    assert [two.count_epoch_steps(epochs) for epochs in (1, 2, 3)] == [5, 10, 17]


def test_the_states_after_the_last_old_update_are_of_the_old_streams(training: TrainingConfig) -> None:
    two = plan(training, *SHAPES)
    assert [two.find_batch_size(step) for step in (0, 9, 10, 11)] == [5, 5, 5, 2]


def test_the_share_of_the_run_that_is_done_does_not_jump_at_a_change(training: TrainingConfig) -> None:
    two, before = plan(training, *SHAPES), plan(replace(training, batch_size=5, sequence_length=4))
    at = two.find_position(10, training)
    assert at.step / at.num_steps == 2 / 4
    assert two.find_position(24, training).step == at.num_steps
    assert two.find_position(9, training) == before.find_position(9, training)


@pytest.mark.parametrize(("step", "step_in_epoch", "end"), [(7, 2, 10), (10, 0, 10), (11, 1, 17)])
def test_an_epoch_under_way_ends_as_it_began(training: TrainingConfig, step: int, step_in_epoch: int, end: int) -> None:
    epoch = 1 if step < 10 else 2
    assert plan(training, *SHAPES).find_epoch_end(step=step, epoch=epoch, step_in_epoch=step_in_epoch) == end


def test_a_change_before_the_first_update_is_the_shape_of_the_run(training: TrainingConfig) -> None:
    changed = plan(training, Reshape(step=0, field="batch_size", old=5, new=2))
    assert changed == plan(training)


@pytest.mark.parametrize(
    "change",
    [
        Reshape(step=9, field="batch_size", old=5, new=2),
        Reshape(step=10, field="batch_size", old=5, new=3),
    ],
)
def test_a_change_that_does_not_fit_the_run_is_damage(training: TrainingConfig, change: Reshape) -> None:
    with pytest.raises(MachineError, match=r"changes\.json is damaged"):
        plan(replace(training, sequence_length=4), change)


def test_a_shape_that_the_text_does_not_fill_is_the_users_mistake(training: TrainingConfig) -> None:
    with pytest.raises(UserError, match="at least 1,001 characters"):
        plan(replace(training, batch_size=100, sequence_length=10))
