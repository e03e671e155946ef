"""The loop: what happens when, and that a resumed run ends with the same bytes."""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from charrnn_exp.data.plan import Reshape, plan_run
from charrnn_exp.run_folder.checkpoint import TRAINING, WEIGHTS
from charrnn_exp.training.loop import DivergedError, EpochDone, Saved, StepDone, Validated
from tests.model.naive import NaiveNetwork

EVERYTHING = ("model.dropout=0.3", "training.ema_decay=0.9", "training.early_stopping_patience=9", "model.num_layers=2")


def short(*overrides: str) -> list[str]:
    """A text of 6,007 bytes gives 5,406 training characters: 4 streams of 1,351, 9 steps of 150 an epoch."""
    return ["training.sequence_length=150", *overrides]


def find_losses(events: list[Any]) -> list[tuple[int, float]]:
    return [(event.step, event.loss) for event in events if isinstance(event, StepDone | Validated)]


def steps(events: list[Any], kind: type[Any]) -> list[int]:
    return [event.step for event in events if isinstance(event, kind)]


def test_an_epoch_is_every_full_window_of_every_stream(start: Any) -> None:
    events = start(*short("training.epochs=2")).train()
    assert steps(events, StepDone) == list(range(1, 19))
    assert steps(events, EpochDone) == [9, 18]
    assert steps(events, Validated) == [9, 18]


def test_checkpoints_are_kept_every_so_many_epochs_and_at_the_end(start: Any) -> None:
    run = start(*short("training.epochs=7", "training.checkpoint_every_epochs=3", "training.keep_checkpoints=1"))
    events = run.train()
    assert [e.step for e in events if isinstance(e, Saved) and e.kept] == [27, 54, 63]
    newest_rolling = 45
    on_disk = {checkpoint.step for checkpoint in run.checkpoints.find_all()}
    assert on_disk - {run.checkpoints.best_step()} == {27, 54, 63, newest_rolling} - {run.checkpoints.best_step()}


def test_max_steps_ends_within_an_epoch_with_a_kept_checkpoint_and_a_validation(start: Any) -> None:
    events = start(*short("training.max_steps=5")).train()
    assert steps(events, StepDone)[-1] == 5
    assert steps(events, Validated) == [5]
    assert [(e.step, e.kept) for e in events if isinstance(e, Saved)] == [(5, True)]


def test_validation_and_checkpoints_follow_their_steps(start: Any) -> None:
    events = start(
        *short("training.epochs=1", "training.validate_every_steps=2", "training.checkpoint_every_steps=4")
    ).train()
    assert steps(events, Validated) == [2, 4, 6, 8, 9]
    assert {4, 8, 9} <= set(steps(events, Saved))


def test_a_new_best_is_on_disk_when_it_is_known(start: Any) -> None:
    run = start(*short("training.epochs=1", "training.validate_every_steps=2"))
    run.train()
    progress = run.state.progress
    assert run.checkpoints.best_step() == progress.best_step
    assert run.checkpoints.best_or_newest().read_manifest()["best_val_loss"] == progress.best_val_loss


def test_early_stopping_waits_for_its_patience(start: Any) -> None:
    run = start(*short("training.epochs=50", "training.early_stopping_patience=2", "optimizer.learning_rate=3.0"))
    events = run.train()
    losses = [event.loss for event in events if isinstance(event, Validated)]
    assert len(losses) < 50
    assert int(np.argmin(losses)) == len(losses) - 3
    assert next(e.kept for e in reversed(events) if isinstance(e, Saved))


def test_a_stop_takes_a_checkpoint_after_the_step(start: Any) -> None:
    run = start(*short())
    asked = iter([False, False, True])
    events = run.train(should_stop=lambda: next(asked))
    assert steps(events, StepDone) == [1, 2, 3]
    assert run.checkpoints.find_all()[-1].step == 3


@pytest.mark.slow
def test_a_stop_cuts_a_validation_short_and_the_next_part_makes_it(start: Any) -> None:
    run = start(*short())
    count = iter(range(1, 99))
    events = run.train(should_stop=lambda: next(count) >= 9)  # the ninth question comes from the validation
    assert steps(events, Validated) == []
    assert run.checkpoints.find_all()[-1].step == 9
    resumed = start(*short())
    resumed.resume()
    assert resumed.state.progress.is_validation_due
    assert steps(resumed.train(), Validated)[0] == 9


@pytest.mark.parametrize(
    ("stop_after", "others"),
    [
        pytest.param(4, (), marks=pytest.mark.slow),  # short: those whose batches change shape
        pytest.param(9, ("optimizer=adam", "optimizer.schedule=constant"), marks=pytest.mark.slow),
        pytest.param(13, ("training.shuffle=true", "training.stateful=false"), marks=pytest.mark.slow),
    ],
)
def test_a_resumed_run_ends_with_the_same_bytes(start: Any, stop_after: int, others: tuple[str, ...]) -> None:
    options = short("training.epochs=2", *EVERYTHING, *others)
    tf.config.experimental.enable_op_determinism()
    whole = start(*options, folder="whole")
    whole_events = whole.train()
    stopped = start(*options, folder="stopped")
    count = iter(range(1, 99))
    first_events = stopped.train(should_stop=lambda: next(count) >= stop_after)
    resumed = start(*options, folder="stopped")
    resumed.resume()
    resumed_events = resumed.train()
    for name in (WEIGHTS, TRAINING):
        expected, found = (run.checkpoints.find_all()[-1].read(name) for run in (whole, resumed))
        assert expected.keys() == found.keys()
        for key in expected:
            assert expected[key].tobytes() == found[key].tobytes(), key
    assert find_losses(first_events) + find_losses(resumed_events) == find_losses(whole_events)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(
            (
                "optimizer=rmsprop optimizer.weight_decay=0.1 optimizer.clip_norm=null optimizer.clip_value=0.01",
                "optimizer.schedule=exponential optimizer.decay_rate=0.5 optimizer.decay_every_epochs=0.5",
                "training.stream_jitter=true dataset.split=none model=gru model.num_layers=2 model.layer_norm=true",
                "model.residual=true model.tie_embeddings=true model.dropout=0.2 model.variational_dropout=true",
                "model.input_dropout=0.1 model.embedding_dropout=0.1 model.output_dropout=0.3",
                "model.weight_dropout=0.1 training.parts=2",
            ),
            marks=pytest.mark.slow,
        ),
        pytest.param(
            (
                "optimizer=sgd optimizer.schedule=step optimizer.decay_rate=0.5 optimizer.decay_every_epochs=0.5",
                "training.gradient_accumulation_steps=2 training.drop_state_probability=0.3 dataset.split=none",
                "training.parts=2",
                "model=rnn model.embedding_dim=null model.learn_initial_state=true model.dropout=0.2",
            ),
            marks=pytest.mark.slow,
        ),
        pytest.param(
            (
                "optimizer=sgd optimizer.momentum=0 optimizer.learning_rate=20 optimizer.schedule=plateau",
                "optimizer.plateau_patience=1 optimizer.decay_rate=0.5 training.validate_every_steps=1",
                "training.shuffle=true training.stateful=false training.stream_jitter=true",
            ),
            marks=pytest.mark.slow,
        ),
        (
            "optimizer=adamw optimizer.min_learning_rate=0.001 training.ema_decay=0.9 model.dropout=0.3",
            "training.stream_jitter=true training.drop_state_probability=0.3 training.gradient_accumulation_steps=3",
            "dataset.split=none",
        ),
    ],
    ids=["rmsprop-exponential", "sgd-step", "sgd-plateau", "adamw-cosine"],
)
def test_whatever_moves_is_saved(start: Any, options: tuple[str, ...]) -> None:
    """A state that held other numbers takes those after two updates, and goes on to the bytes of the whole run."""
    tf.config.experimental.enable_op_determinism()
    words = [
        "dataset.max_bytes=1009",
        "training.sequence_length=29",
        "training.max_steps=4",
        "optimizer.warmup_steps=1",
    ]
    words += ["training.epochs=99", *(word for part in options for word in part.split())]
    whole, other = (start(*words, folder=name) for name in ("whole", "other"))
    losses: list[float] = []
    saved: tuple[Any, ...] = ()
    for event in whole.stream():
        if isinstance(event, StepDone):
            if event.step == 3:
                other.state.restore(*saved)
            losses.append(event.loss)
        saved = whole.state.weight_arrays(), whole.state.training_arrays()
    assert [e.loss for e in other.train() if isinstance(e, StepDone)] == losses[2:]
    for name in ("weight_arrays", "training_arrays"):
        expected, found = (getattr(run.state, name)() for run in (whole, other))
        assert {key: array.tobytes() for key, array in expected.items()} == {
            key: array.tobytes() for key, array in found.items()
        }
    if "plateau" in options[0]:
        assert 0 < whole.state.progress.plateau_factor < 1


@pytest.mark.slow
def test_validating_more_often_changes_no_weight(start: Any) -> None:
    tf.config.experimental.enable_op_determinism()
    runs = [
        start(*short("training.epochs=1", *EVERYTHING, *extra), folder=str(i))
        for i, extra in enumerate([(), ("training.validate_every_steps=1",)])
    ]
    for run in runs:
        run.train()
    for a, b in zip(runs[0].state.network.variables, runs[1].state.network.variables, strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


def test_the_state_is_carried_within_an_epoch_and_dropped_at_its_end(start: Any) -> None:
    """A rate that changes nothing: the loss of a window then shows which state it started from."""
    losses = {}
    for stateful in ("true", "false"):
        run = start(*short("training.epochs=2", f"training.stateful={stateful}", "optimizer.learning_rate=1e-30"))
        for variable in run.state.network.trainable_variables:
            variable.assign(np.random.default_rng(1).normal(size=variable.shape))
        losses[stateful] = [e.loss for e in run.train() if isinstance(e, StepDone)]
    assert losses["true"][0] == losses["false"][0]
    assert all(a != b for a, b in zip(losses["true"][1:9], losses["false"][1:9], strict=True))
    assert losses["true"][9:] == losses["true"][:9]


def test_a_loss_that_is_not_finite_ends_the_run_and_keeps_the_last_checkpoint(start: Any) -> None:
    run = start(*short("training.checkpoint_every_steps=2"))
    count = iter(range(1, 99))
    run.train(should_stop=lambda: next(count) >= 4)
    variable = run.state.network.trainable_variables[-1]
    variable.assign(np.full(variable.shape, np.inf))
    with pytest.raises(DivergedError, match=r"training diverged: loss .* at step 5 \(epoch 1, update 5, rate"):
        run.train()
    assert run.checkpoints.find_all()[-1].step == 4
    run.resume()
    assert np.all(np.isfinite(variable))


def reshape(run: Any, *reshapes: Reshape) -> Any:
    """Plan the run with changes of shape that end in its settings, and carry the states of its first batch size."""
    num, seed = len(run.text.splits.train_n), run.config.seed
    run.text = replace(run.text, plan=plan_run(num, run.config.training, seed=seed, reshapes=reshapes))
    return run


@pytest.mark.slow
@pytest.mark.parametrize("stops", [(4, 13), (9,)], ids=str)
def test_a_run_whose_batches_change_shape_is_resumed_to_the_same_bytes(start: Any, stops: tuple[int, ...]) -> None:
    """Nine updates of 4 x 150 characters, then 27 updates of 2 x 100; stopped before and after that, or in between."""
    tf.config.experimental.enable_op_determinism()
    options = short("training.epochs=2", *EVERYTHING, "training.batch_size=2", "training.sequence_length=100")
    changes = (
        Reshape(step=9, field="batch_size", old=4, new=2),
        Reshape(step=9, field="sequence_length", old=150, new=100),
    )

    def begin(folder: str, step: int = 0) -> Any:
        run = reshape(start(*options, folder=folder), *changes)
        run.state.carried = run.state.network.first_states(run.text.plan.find_batch_size(step))
        if step:
            run.resume()
        return run

    def stop_after(run: Any, step: int) -> list[Any]:
        events: list[Any] = run.train(should_stop=lambda: run.state.progress.step >= step)
        assert run.state.progress.step == step
        return events

    whole = begin("whole")
    whole_events: list[Any] = whole.train()
    events: list[Any] = []
    assert steps(whole_events, EpochDone) == [9, 9 + 27]
    for first, last in itertools.pairwise((0, *stops)):
        events += stop_after(begin("parts", first), last)
    resumed = begin("parts", stops[-1])
    events += resumed.train()
    assert find_losses(events) == find_losses(whole_events)
    for name in (WEIGHTS, TRAINING):
        expected, found = (run.checkpoints.find_all()[-1].read(name) for run in (whole, resumed))
        assert expected.keys() == found.keys()
        for key in expected:
            assert expected[key].tobytes() == found[key].tobytes(), key


@pytest.mark.slow
def test_an_epoch_of_another_shape_starts_from_an_empty_state(start: Any) -> None:
    """A rate that changes nothing: the first loss of the new shape is that of a run that has it from the start."""
    options = short("training.epochs=2", "training.batch_size=2", "optimizer.learning_rate=1e-30")
    losses = []
    for changes in ((), (Reshape(step=9, field="batch_size", old=4, new=2),)):
        run = reshape(start(*options, folder=str(len(changes))), *changes)
        run.state.carried = run.state.network.first_states(4 if changes else 2)
        for variable in run.state.network.trainable_variables:
            variable.assign(np.random.default_rng(1).normal(size=variable.shape))
        losses.append([event.loss for event in run.train() if isinstance(event, StepDone)])
    plain, changed = losses
    assert changed[9:] == plain[: len(changed) - 9]


def test_the_state_after_a_divergence_is_that_of_the_step_before(start: Any) -> None:
    run = start(*short("optimizer.learning_rate=1e38", "optimizer.warmup_steps=0"))
    with pytest.raises(DivergedError):
        run.train()
    assert run.state.progress.step >= 1
    arrays = [*run.state.weight_arrays().values(), *run.state.training_arrays().values()]
    assert all(np.all(np.isfinite(array)) for array in arrays if array.dtype == np.float32)


def test_no_validation_text_means_no_validation_and_still_checkpoints(start: Any) -> None:
    run = start(*short("dataset.split=none", "training.epochs=1"))
    events = run.train()
    assert steps(events, Validated) == []
    assert run.checkpoints.best_step() is None
    assert run.checkpoints.best_or_newest().step == steps(events, StepDone)[-1]


@pytest.mark.slow
@pytest.mark.parametrize("length", [1, 2])
def test_a_small_text_is_learned_to_the_entropy_that_counting_gives(start: Any, tmp_path: Any, length: int) -> None:
    """Windows of n characters from empty states: the loss at the last is the entropy of a character given n."""
    text_file = tmp_path / "text.txt"
    text_file.write_text("".join(np.random.default_rng(0).choice(list("abcd"), size=301)))
    run = start(
        "dataset=file",
        f"dataset.path={text_file}",
        "dataset.split=none",
        "dataset.max_bytes=null",
        f"training.sequence_length={length}",
        f"training.batch_size={300 // length}",
        "training.shuffle=true",
        "training.stateful=false",
        "training.epochs=150",
        "training.checkpoint_every_epochs=150",
        "training.checkpoint_every_steps=150",
        "model.hidden_size=64",
        "model.embedding_dim=32",
        "optimizer=adam",
        "optimizer.learning_rate=0.03",
    )
    run.train()
    ids_n = run.text.splits.train_n
    windows = [tuple(ids_n[i : i + length + 1]) for i in range(0, 300, length)]
    counted = [windows.count(w) / sum(other[:-1] == w[:-1] for other in windows) for w in windows]
    entropy = -float(np.mean(np.log(counted)))
    windows_bt = np.array(windows, np.int32)
    logits_btv, _ = run.state.network(windows_bt[:, :-1], run.state.network.first_states(len(windows)))
    losses_b = tf.nn.sparse_softmax_cross_entropy_with_logits(windows_bt[:, -1], logits_btv[:, -1])
    assert entropy > 1.0
    assert float(tf.reduce_mean(losses_b)) == pytest.approx(entropy, rel=0.02)


LINES = ("dataset.lines=true", "training.sequence_length=30", "training.gradient_accumulation_steps=2")


@pytest.mark.slow
def test_the_losses_of_an_epoch_are_those_of_each_line_read_by_itself(start: Any) -> None:
    """With weights that do not move, though lines go on from window to window and from update to update."""
    options = ("optimizer=sgd", "optimizer.learning_rate=1e-30", "training.epochs=2", "model.learn_initial_state=true")
    run = start(*LINES, *options)
    splits, network = run.text.splits, run.state.network
    for variable in network.trainable_variables:
        variable.assign(np.random.default_rng(5).normal(scale=0.5, size=variable.shape))
    naive, total = NaiveNetwork(network), 0.0
    ids_n = splits.train_n.astype(np.int32)
    edges = np.flatnonzero(ids_n == splits.line_break)
    for first, last in itertools.pairwise(edges):
        logits_tv = naive.read(ids_n[first:last])
        targets_t = ids_n[first + 1 : last + 1]
        total += np.sum(np.log(np.exp(logits_tv).sum(axis=1)) - logits_tv[np.arange(len(targets_t)), targets_t])
    order = run.text.order
    counts = [np.sum(window[..., 1:] >= 0) for epoch in (0, 1) for window in order.stream_windows(ids_n, epoch)]
    losses = [event.loss for event in run.train() if isinstance(event, StepDone)]
    sums = np.array(losses) * counts
    assert sum(counts) == 2 * (len(ids_n) - 1)
    for epoch in (sums[: len(sums) // 2], sums[len(sums) // 2 :]):
        assert epoch.sum() == pytest.approx(total, rel=1e-6)
    assert sums[0] != sums[len(sums) // 2], "the lines come in another order"


@pytest.mark.slow
def test_a_run_on_lines_that_was_stopped_within_an_epoch_ends_with_the_same_bytes(start: Any) -> None:
    options = (*LINES, "training.epochs=2", "model.dropout=0.3", "model.learn_initial_state=true")
    tf.config.experimental.enable_op_determinism()
    whole, stopped = start(*options, folder="whole"), start(*options, folder="stopped")
    whole_events, stop_after = whole.train(), whole.text.order.steps_per_epoch + 2
    stopped.train(should_stop=lambda: stopped.state.progress.step == stop_after)
    resumed = start(*options, folder="stopped")
    resumed.resume()
    assert (resumed.state.progress.epoch, resumed.state.progress.step_in_epoch) == (1, 2)
    events = resumed.train()
    for name in (WEIGHTS, TRAINING):
        expected, found = (run.checkpoints.find_all()[-1].read(name) for run in (whole, resumed))
        assert {key: value.tobytes() for key, value in expected.items()} == {
            key: value.tobytes() for key, value in found.items()
        }
    assert find_losses(events) == find_losses(whole_events)[-len(find_losses(events)) :]
