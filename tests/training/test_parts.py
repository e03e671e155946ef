"""An update whose streams are computed in parts at once."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from charrnn_exp.training.step import TrainingStep

ROOT = Path(__file__).parents[2]
WINDOWS_ABT = np.random.default_rng(5).integers(0, 10, size=(3, 4, 6), dtype=np.int32)
STARTS_AB = np.array([[False] * 4, [True, False, False, True], [False, True, False, True]])
DROPOUT = ("model.dropout=0.3", "model.weight_dropout=0.2", "model.embedding_dropout=0.2", "model.num_layers=2")


def update(
    run: Any, num_parts: int, *, num_batches: int = 1, num_updates: int = 3, devices: Sequence[str] = ()
) -> tuple[list[float], list[np.ndarray]]:
    """Return losses and norms of some updates, and then weights, seeds and carried states."""
    state = run.state
    state.num_parts, state.devices = num_parts, devices
    numbers = []
    with closing(TrainingStep(state, clip_norm=1.0, clip_value=None, ema_decay=0.0)) as step:
        for _ in range(num_updates):
            loss, norm, state.carried = step(WINDOWS_ABT[:num_batches], STARTS_AB[:num_batches], state.carried, 0.1)
            numbers += [loss, norm]
    return numbers, [*map(np.array, state.network.variables), *map(np.array, tf.nest.flatten(state.carried))]


@pytest.mark.parametrize("num_batches", [1, 3])
@pytest.mark.parametrize("num_parts", [2, 4])
def test_parts_make_the_update_of_the_whole(start: Any, num_parts: int, num_batches: int) -> None:
    words = ("optimizer=sgd", "model.learn_initial_state=true")
    (numbers, arrays), (expected, whole) = (
        update(start(*words), parts, num_batches=num_batches) for parts in (num_parts, 1)
    )
    assert numbers == pytest.approx(expected, rel=1e-5)
    for found, array in zip(arrays, whole, strict=True):
        np.testing.assert_allclose(found, array, rtol=1e-4, atol=1e-6)


def test_parts_one_after_another_compute_the_same_bits(start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process in which XLA may hand reductions to a library, which two threads must not enter at once."""
    found = [update(start(*DROPOUT), 2)]
    monkeypatch.setenv("XLA_FLAGS", "")
    run = start(*DROPOUT)
    run.state.num_parts = 2
    with closing(TrainingStep(run.state, clip_norm=None, clip_value=None, ema_decay=0.0)) as step:
        assert step._threads is None
    found.append(update(run, 2))
    (numbers, arrays), (others, other_arrays) = found
    assert numbers == others
    assert all(map(np.array_equal, arrays, other_arrays))


def test_gaps_of_padded_windows_count_as_nothing_in_parts(start: Any) -> None:
    found = []
    for num_parts in (1, 2):
        run = start("optimizer=sgd")
        run.state.num_parts = num_parts
        windows_abt = np.array(WINDOWS_ABT[:1])
        windows_abt[0, 0, 4:] = windows_abt[0, 1, 2:] = windows_abt[0, 3, 1:] = -1
        options: dict[str, Any] = {"clip_norm": None, "clip_value": None, "ema_decay": 0.0, "is_padded": True}
        with closing(TrainingStep(run.state, **options)) as step:
            found.append(step(windows_abt, STARTS_AB[:1], run.state.carried, 0.1)[:2])
    assert found[1] == pytest.approx(found[0], rel=1e-5)


@pytest.mark.parametrize("num_batches", [1, 3])
def test_parts_with_dropout_repeat_bit_for_bit(start: Any, num_batches: int) -> None:
    first, second = (update(start(*DROPOUT), 2, num_batches=num_batches) for _ in range(2))
    assert first[0] == second[0]
    for one, other in zip(first[1], second[1], strict=True):
        np.testing.assert_array_equal(one, other)


def test_each_part_draws_masks_of_its_own_and_each_update_new_ones(start: Any) -> None:
    """Four equal streams: alike where masks are, with a rate of 0 in the next update."""
    windows_abt = np.repeat(WINDOWS_ABT[:1, :1], 4, axis=1)
    run = start("optimizer=sgd", "model.weight_dropout=0.5")
    run.state.num_parts = 2
    states, zeros = [], run.state.carried
    with closing(TrainingStep(run.state, clip_norm=None, clip_value=None, ema_decay=0.0)) as step:
        for _ in range(2):
            states.append(tf.nest.flatten(step(windows_abt, STARTS_AB[:1], zeros, 0.0)[2])[0].numpy())
    for hidden_bh in states:
        np.testing.assert_array_equal(hidden_bh[0], hidden_bh[1])
        np.testing.assert_array_equal(hidden_bh[2], hidden_bh[3])
        assert (hidden_bh[0] != hidden_bh[2]).any()
    assert (states[0] != states[1]).any()


def test_streams_that_the_parts_do_not_divide_are_one(start: Any) -> None:
    (numbers, _), (expected, _) = (update(start(), parts) for parts in (3, 1))
    assert numbers == expected


def test_an_error_within_a_part_is_raised(start: Any) -> None:
    run = start()
    run.state.num_parts = 2
    options: dict[str, Any] = {"clip_norm": None, "clip_value": None, "ema_decay": 0.0}
    with (
        closing(TrainingStep(run.state, **options)) as step,
        pytest.raises((ValueError, tf.errors.InvalidArgumentError)),
    ):
        step(WINDOWS_ABT[:1], STARTS_AB[:1], [(tf.zeros([2, 5]),) * 2], 0.1)


ON_TWO_DEVICES = """
import json
from pathlib import Path

import tensorflow as tf

(processor,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
from charrnn_exp.machine.arithmetic import pin_determinism
from tests.small_run import start_small
from tests.training.test_parts import DROPOUT, update

pin_determinism()
names = [device.name for device in tf.config.list_logical_devices("CPU")]
for devices in (names[:1], names):
    numbers, arrays = update(start_small(*DROPOUT, folder=Path("checkpoints")), 2, num_batches=3, devices=devices)
    print(json.dumps([numbers, [array.tolist() for array in arrays]]))
"""


@pytest.mark.slow
def test_parts_on_two_devices_compute_what_they_compute_on_one(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", ON_TWO_DEVICES], capture_output=True, text=True, check=False, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    one, two = map(json.loads, ended.stdout.splitlines()[-2:])
    assert one == two
