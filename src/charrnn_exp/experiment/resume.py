"""The resumption of a run: further training, or late tracking of a finished one."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from charrnn_exp.config.reading import to_values
from charrnn_exp.config.schema import Config, TrackingConfig
from charrnn_exp.config.secrets import hide_secrets
from charrnn_exp.data.plan import SHAPES, plan_run
from charrnn_exp.data.prompt import put_prompt, read_prompt_once
from charrnn_exp.errors import CharRNNError, UserError, one_line
from charrnn_exp.experiment.divergence import check_calmed
from charrnn_exp.experiment.ends import advise_longer, explain_end
from charrnn_exp.experiment.fetched import check_training_state, start_copy
from charrnn_exp.experiment.initial_weights import read_initial_weights
from charrnn_exp.experiment.job import Job, Prepared, Resumption
from charrnn_exp.experiment.prepare import prepare_run, start_run
from charrnn_exp.experiment.rate_jump import warn_of_jump
from charrnn_exp.experiment.shared_text import SharedText
from charrnn_exp.program import name_program
from charrnn_exp.run_folder.changes import Change, find_changes, join_changes, list_reshapes, read_changes
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.run_folder.folder import RunFolder, RunInUseError
from charrnn_exp.run_folder.metrics import read_metrics
from charrnn_exp.run_folder.resume_point import ResumePoint, find_resume_point
from charrnn_exp.sampling.seed import settle_seed
from charrnn_exp.tracking.catch_up import catch_up
from charrnn_exp.tracking.fetch import find_fetched_id
from charrnn_exp.training.progress import Progress, is_finished
from charrnn_exp.views.terminal import Terminal


@dataclass(frozen=True)
class _Earlier:
    """What an earlier session left.

    Args:
        config: its settings.
        changes: those before them.
        point: where the run goes on.
        progress: there.
    """

    config: Config
    changes: list[Change]
    point: ResumePoint
    progress: Progress


def resume_run(
    folder: RunFolder,
    config: Config,
    *,
    began: float,
    say: Callable[[str], None] = print,
    terminal: Terminal | None = None,
    shared: SharedText | None = None,
) -> RunFolder:
    """Train on with the settings, to `training.epochs` and `training.max_steps`; of a finished run, only complete the
    tracking. Return the folder in which it went on.

    Nothing is written before all is checked, and the settings not before the first checkpoint made with them. A fetched
    run goes on in a new folder, as a new MLflow run.

    Args:
        folder: of the run.
        config: its settings with the changes for this session.
        began: `time.time()` when the session began.
        say: prints a line where nothing is left to train.
        terminal: of the run; None: a new one.
        shared: the text, read for several runs; None, or another than the run's: it is read.

    Raises:
        CharRNNError: if the run's text or checkpoints have changed, a fetched run has weights alone, or as for
            `start_run`.
    """
    config = replace(config, sampling=settle_seed(put_prompt(config.sampling, read_prompt_once([config]))))
    terminal = terminal or Terminal()
    if (run_id := find_fetched_id(folder)) is not None:
        check_training_state(folder, run_id)
    earlier, summary = _read_earlier(folder), folder.read_summary()
    shared = shared if shared is not None and shared.fits(config) else None
    prepared = _prepare(config, earlier, folder, terminal, shared)
    if _is_done(prepared, earlier, folder):
        _say_done(prepared, earlier, folder, say)
        _finish_tracking(folder, config.tracking, say)
        return folder
    if earlier.point.diverged_after is not None:
        check_calmed(prepared.resumption.new, earlier.point.diverged_after, folder, earlier.config.optimizer)
    if earlier.point.checkpoint is None:
        _check_vocabulary(prepared, folder)
        # Only a run without a checkpoint needs the weights of the other run.
        prepared = replace(prepared, initial=read_initial_weights(config, prepared.text.corpus.vocabulary))
    if run_id is not None:
        prepared, folder = start_copy(prepared, folder, run_id, terminal)
    name = summary.name or folder.read_tracking().get("name") or config.tracking.run_name or folder.path.name
    start_run(Job.of(prepared, folder, name=name, began=began, is_resumed=True), terminal)
    return folder


def _read_earlier(folder: RunFolder) -> _Earlier:
    """Read all files that the session needs, so that a damaged one is told before anything is written.

    Raises:
        CharRNNError: if one is damaged.
    """
    config = folder.read_untracked_config()
    folder.read_tracking()
    read_metrics(folder.metrics)
    point = find_resume_point(CheckpointStore(folder.checkpoints, facts={}, num_rolling=1))
    progress = Progress() if point.checkpoint is None else Progress.from_arrays(point.training)
    return _Earlier(config, read_changes(folder.changes, folder.read_values()), point, progress)


def _prepare(
    config: Config, earlier: _Earlier, folder: RunFolder, terminal: Terminal, shared: SharedText | None
) -> Prepared:
    """Return the inputs of the run, with the changes of its settings, checked against its checkpoint.

    Raises:
        CharRNNError: if they do not fit.
    """
    shape = {field: getattr(earlier.config.training, field) for field in SHAPES}
    as_it_was = replace(config, training=replace(config.training, **shape))
    prepared = prepare_run(
        as_it_was,
        is_resumed=True,
        terminal=terminal,
        corpus=None if shared is None else shared.corpus,
        reshapes=list_reshapes(earlier.changes),
    )
    text, progress = prepared.text, earlier.progress
    if config.sampling.prompt_file != earlier.config.sampling.prompt_file:
        config = replace(config, sampling=prepared.config.sampling)
    is_fetched = find_fetched_id(folder) is not None  # then it is tracked anew
    tracking = to_values(config)["tracking"] if is_fetched else folder.read_values().get("tracking", {})
    then = to_values(earlier.config) | {"tracking": tracking}
    epoch_end = text.plan.find_epoch_end(step=progress.step, epoch=progress.epoch, step_in_epoch=progress.step_in_epoch)
    new = find_changes(then, to_values(config), step=progress.step, epoch_end=epoch_end)
    changes = join_changes(earlier.changes, new, step=progress.step)
    plan = plan_run(
        len(text.splits.train_n),
        config.training,
        seed=config.seed,
        reshapes=list_reshapes(changes),
        lengths_l=text.splits.find_line_lengths(),
    )
    resumption = Resumption(
        step=earlier.point.step,
        changes=changes,
        new=new,
        warnings=warn_of_jump(progress, new, folder, then=(earlier.config, text.plan), now=(config, plan)),
        diverged_after=earlier.point.diverged_after,
    )
    ngrams = None if shared is None else shared.ngrams
    prepared = replace(prepared, config=config, text=replace(text, plan=plan), resumption=resumption, ngrams=ngrams)
    CheckpointStore(folder.checkpoints, facts=prepared.list_facts(), num_rolling=1).check_newest()
    return prepared


def _is_done(prepared: Prepared, earlier: _Earlier, folder: RunFolder) -> bool:
    training, summary = prepared.config.training, folder.read_summary()
    num_steps = prepared.text.plan.count_steps(training)
    if summary.status != "FINISHED":
        return False
    is_newest = earlier.progress.step == summary.step
    return summary.step >= num_steps or (is_newest and is_finished(earlier.progress, training, num_steps=num_steps))


def _say_done(prepared: Prepared, earlier: _Earlier, folder: RunFolder, say: Callable[[str], None]) -> None:
    training, plan, step = prepared.config.training, prepared.text.plan, folder.read_summary().step
    progress = replace(earlier.progress, step=step)
    reason = explain_end(progress, training, plan)
    say(
        f"run {folder.path} is finished: {step} steps of {plan.count_steps(training)}"
        + (f"; {reason} " if reason else ". ")
        + f"To go on longer: {advise_longer(progress, training, plan, folder)}"
    )


def _check_vocabulary(prepared: Prepared, folder: RunFolder) -> None:
    """Refuse another text where no checkpoint names that of the run.

    Raises:
        UserError: if the symbols differ.
    """
    if folder.vocabulary.exists() and folder.read_vocabulary().sha256 != prepared.text.corpus.vocabulary.sha256:
        raise UserError(
            f"the text must have the symbols in {folder.vocabulary}, got others: restore it, or start a new run."
        )


def _finish_tracking(folder: RunFolder, tracking: TrackingConfig, say: Callable[[str], None]) -> None:
    """Send MLflow the data that a kill or an outage at the end of the run held up."""
    if folder.read_tracking().get("complete", True):
        return
    try:
        with folder.lock():
            sent = catch_up(folder, tracking)
    except RunInUseError:  # the run's own process is at it
        return
    except CharRNNError:
        raise
    except Exception as error:  # MLflow raises its own, requests' and SQLAlchemy's
        reason = hide_secrets(one_line(error))[:500]
        Terminal().warn(f"tracking failed; `{name_program()} repair` sends what it misses: {reason}")
        return
    if sent is not None:
        say(str(sent))
