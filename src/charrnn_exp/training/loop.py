"""The training loop is a generator of events; listeners log, draw and sample.

The order of the events of each update; those in brackets come only where they are due:

    StepDone -> [EpochDone] -> [Validated] -> [Saving -> (checkpoint is written) -> Saved] -> stop, or all done?
       ^                                                                                      | no       | yes
       +--------------------------------------------------------------------------------------+          |
                                                                                          generator ends <+

A session that resumes after a stop within a validation begins with that Validated, before any StepDone. Before the
first StepDone of an epoch comes a Reshaped, where its batches have another shape than those of the run's first epoch.
The order of a whole run, as `experiment.run` passes it to the listeners:

    start -> events of the loop -> [Scored, for each text] -> finish -> close(FINISHED)
      |              |                       |                  |
      +--- signal ---+-------- signal -------+----- signal -----+-----> close(KILLED)
      +--- error ----+-------- error --------+----- error ------+-----> close(FAILED)

Axes: s update, a batch of an update, b stream, t time, n character.
"""

import math
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

from charrnn_exp.config.schema import Config, OptimizerConfig
from charrnn_exp.data.plan import BatchPlan, Order
from charrnn_exp.data.preparation import PreparedText
from charrnn_exp.data.vocabulary import Ids
from charrnn_exp.errors import UserError
from charrnn_exp.evaluation.scorer import Scorer
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.training.progress import Progress, is_finished
from charrnn_exp.training.schedule import find_planned_rate, find_plateau_factor
from charrnn_exp.training.state import TrainingState
from charrnn_exp.training.step import TrainingStep


@dataclass(frozen=True)
class StepDone:
    """An update was made; `loss` in nats per character, `seconds` without validation and saving."""

    step: int
    epoch: int
    loss: float
    gradient_norm: float
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class Validated:
    """The validation text was scored: `loss` with the sampled weights, `raw_loss` without averaging."""

    step: int
    epoch: int
    loss: float
    raw_loss: float
    is_best: bool
    seconds: float


@dataclass(frozen=True)
class Saving:
    """A checkpoint is about to be written: listeners bring their files to disk first."""


@dataclass(frozen=True)
class Saved:
    """A checkpoint is on disk; a `kept` one is never deleted."""

    step: int
    kept: bool
    seconds: float


@dataclass(frozen=True)
class EpochDone:
    """A pass over the training text is complete; `loss` is the mean of its steps."""

    step: int
    epoch: int
    loss: float


@dataclass(frozen=True)
class Reshaped:
    """The batches of the epoch that begins have another shape; an update has `characters_per_step` targets."""

    characters_per_step: int


Event = StepDone | Validated | Saving | Saved | EpochDone | Reshaped


class DivergedError(UserError):
    """A loss or gradient is not finite; the update was not made, and the state is that of the step before."""


def train(
    state: TrainingState,
    *,
    config: Config,
    text: PreparedText,
    scorer: Scorer | None,
    checkpoints: CheckpointStore,
    should_stop: Callable[[], bool],
) -> Iterator[Event]:
    """Train from the current state to the end; yield every event after it has happened.

    Args:
        state: updated in place.
        config: of the run.
        text: its training text is read, in the order of its batches.
        scorer: of the validation text; None: no validation.
        checkpoints: the store that they are written to.
        should_stop: asked after every update and while validating; when true, a checkpoint is taken and the
            generator ends. The next session makes a validation that was cut short.

    Raises:
        DivergedError: before the update, if loss or gradient is not finite.
    """
    training, optimizer, progress, plan = config.training, config.optimizer, state.progress, text.plan
    num_steps = plan.count_steps(training)
    step = TrainingStep(
        state,
        clip_norm=optimizer.clip_norm,
        clip_value=optimizer.clip_value,
        ema_decay=training.ema_decay or 0.0,
        is_padded=text.splits.line_break is not None,
    )
    with closing(step):
        close_step = partial(
            _close_step, state, config, plan, scorer=scorer, checkpoints=checkpoints, should_stop=should_stop
        )
        if progress.is_validation_due and (yield from close_step()):
            return
        while not is_finished(progress, training, num_steps=num_steps):
            order = plan.find_order(progress.epoch)
            if order != plan.find_order(0):
                yield Reshaped(order.characters_per_step)
            if progress.step_in_epoch == 0 and order.batch_size != plan.find_batch_size(progress.step):
                state.carried = state.network.first_states(order.batch_size)
            for windows_abt, resets_ab in _list_batches(progress, text.splits.train_n, order):
                rate = find_planned_rate(
                    optimizer, training, plan, step=progress.step, plateau_factor=progress.plateau_factor
                )
                yield _update(state, step, windows_abt, resets_ab, rate)
                if (yield from close_step()):
                    return
                if progress.step_in_epoch == 0 or is_finished(progress, training, num_steps=num_steps):
                    break


def _list_batches(progress: Progress, train_ids_n: Ids, order: Order) -> Iterator[tuple[Any, Any]]:
    """Yield windows_abt and resets_ab of the remaining updates of the epoch."""
    shape, done = (order.steps_per_epoch, order.batches_per_update, order.batch_size), progress.step_in_epoch
    resets_sab = order.find_resets(progress.epoch).reshape(shape)[done:]
    windows_sabt = order.stream_windows(train_ids_n, progress.epoch, first_step=done)
    yield from zip(windows_sabt, resets_sab, strict=True)


def _close_step(
    state: TrainingState,
    config: Config,
    plan: BatchPlan,
    *,
    scorer: Scorer | None,
    checkpoints: CheckpointStore,
    should_stop: Callable[[], bool],
) -> Generator[Event, None, bool]:
    """Validate and save where due after an update; return whether a stop was requested."""
    training, progress = config.training, state.progress
    num_steps = plan.count_steps(training)
    if progress.step_in_epoch == plan.find_order(progress.epoch).steps_per_epoch:
        yield _finish_epoch(state)
    epoch_ends, run_ends, best = progress.step_in_epoch == 0, progress.step == num_steps, False
    if scorer is not None and (run_ends or _is_due(training.validate_every_steps, progress, epoch_ends)):
        validated = _validate(state, config.optimizer, scorer, should_stop)
        progress.is_validation_due = validated is None
        if validated is not None:
            best = validated.is_best
            yield validated
    run_ends = is_finished(progress, training, num_steps=num_steps)
    kept = run_ends or (
        epoch_ends and progress.epoch % training.checkpoint_every_epochs == 0 and not progress.is_validation_due
    )
    stops = progress.is_validation_due or should_stop()
    if kept or stops or best or _is_due(training.checkpoint_every_steps, progress, epoch_ends):
        yield Saving()
        started = time.perf_counter()
        checkpoints.save(state.snapshot(), kept=kept)
        yield Saved(progress.step, kept, time.perf_counter() - started)
    return stops


def _update(state: TrainingState, step: TrainingStep, windows_abt: Any, resets_ab: Any, rate: float) -> StepDone:
    progress = state.progress
    started = time.perf_counter()
    loss, norm, carried = step(windows_abt, resets_ab, state.carried, rate)
    seconds = time.perf_counter() - started
    if not (math.isfinite(loss) and math.isfinite(norm)):
        raise DivergedError(
            f"the training diverged: loss {loss}, gradient norm {norm} at step "
            f"{progress.step + 1} (epoch {progress.epoch + 1}, update {progress.step_in_epoch + 1}, rate {rate:.3g}). "
            "The update was not made."
        )
    state.carried = carried
    progress.step += 1
    progress.step_in_epoch += 1
    progress.loss_sum += loss
    return StepDone(progress.step, progress.epoch + 1, loss, norm, rate, seconds)


def _finish_epoch(state: TrainingState) -> EpochDone:
    progress = state.progress
    progress.last_epoch_loss = progress.loss_sum / progress.step_in_epoch
    progress.epoch += 1
    progress.step_in_epoch = 0
    progress.loss_sum = 0.0
    return EpochDone(progress.step, progress.epoch, progress.last_epoch_loss)


def _validate(
    state: TrainingState, optimizer: OptimizerConfig, scorer: Scorer, should_stop: Callable[[], bool]
) -> Validated | None:
    """Score the validation text; return None, with nothing changed, if a stop was requested meanwhile."""
    progress = state.progress
    started = time.perf_counter()
    raw_loss = loss = scorer.loss(should_stop)
    if state.ema and raw_loss is not None:
        with state.averaged_weights():
            loss = scorer.loss(should_stop)
    if raw_loss is None or loss is None:
        return None
    is_best = loss < progress.best_val_loss
    if is_best:
        progress.best_val_loss, progress.best_step, progress.validations_since_best = loss, progress.step, 0
    else:
        progress.validations_since_best += 1
    progress.plateau_factor = find_plateau_factor(
        optimizer, factor=progress.plateau_factor, validations_since_best=progress.validations_since_best
    )
    epoch = progress.epoch + (1 if progress.step_in_epoch else 0)
    return Validated(progress.step, epoch, loss, raw_loss, is_best, time.perf_counter() - started)


def _is_due(every_steps: int | None, progress: Progress, epoch_ends: bool) -> bool:
    return epoch_ends if every_steps is None else progress.step % every_steps == 0
