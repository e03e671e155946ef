"""One run from start to end.

Axes: n character.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from charrnn_exp.config.reading import to_values
from charrnn_exp.errors import Interrupted, MachineError
from charrnn_exp.evaluation.scorer import Scorer
from charrnn_exp.experiment.chosen_weights import ChosenWeights, choose_weights
from charrnn_exp.experiment.close import beginning, closing
from charrnn_exp.experiment.divergence import advise_calmer, keep_diverged
from charrnn_exp.experiment.ends import explain_end, warn_of_length
from charrnn_exp.experiment.final_scores import score_splits
from charrnn_exp.experiment.identity import hash_job
from charrnn_exp.experiment.job import Job
from charrnn_exp.experiment.listeners.baseline import Baseline
from charrnn_exp.experiment.listeners.curves import make_curves
from charrnn_exp.experiment.listeners.feed import TrackerFeed
from charrnn_exp.experiment.listeners.guessing import Guessing
from charrnn_exp.experiment.listeners.listener import Chosen, Listener, RunEvent
from charrnn_exp.experiment.listeners.metrics import Metrics
from charrnn_exp.experiment.listeners.novelty import NoveltyOfLines
from charrnn_exp.experiment.listeners.profile import Profiler
from charrnn_exp.experiment.listeners.progress import ProgressLines
from charrnn_exp.experiment.listeners.samples import Samples
from charrnn_exp.experiment.listeners.settings import Settings
from charrnn_exp.experiment.listeners.summary import SummaryFile
from charrnn_exp.experiment.listeners.times import Times
from charrnn_exp.experiment.listeners.views import Views
from charrnn_exp.experiment.log import log_to
from charrnn_exp.experiment.stopwatch import Stopwatch
from charrnn_exp.experiment.track import start_tracking
from charrnn_exp.machine.arithmetic import describe_arithmetic, list_devices, pin_determinism
from charrnn_exp.model.dropout import list_rates
from charrnn_exp.model.memory import estimate_bytes, explain_memory_errors, find_free_bytes
from charrnn_exp.model.network import Network, build_network, count_parameters, list_parameters
from charrnn_exp.model.threads import Workers
from charrnn_exp.model.weights import load_weights, read_weights
from charrnn_exp.program import name_program
from charrnn_exp.run_folder.checkpoint import Checkpoint
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.run_folder.copying import copy_run
from charrnn_exp.run_folder.metrics import MetricsFile
from charrnn_exp.run_folder.resume_point import find_resume_point
from charrnn_exp.run_folder.summary import Summary
from charrnn_exp.run_folder.versions import SCORED_BY_PARTS
from charrnn_exp.signals import StopRequest
from charrnn_exp.tracking.provenance import list_versions
from charrnn_exp.training.loop import DivergedError, Event, Saving, train
from charrnn_exp.training.optimizer import build_optimizer
from charrnn_exp.training.progress import is_finished
from charrnn_exp.training.state import TrainingState, start_state
from charrnn_exp.views.progress import show_training
from charrnn_exp.views.report import conclude, show_parameters
from charrnn_exp.views.terminal import Terminal

log = logging.getLogger("charrnn_exp")


def run_experiment(job: Job, stop: StopRequest, terminal: Terminal, workers: Workers) -> Summary:
    """Train, sample and log one run; return its summary.

    Args:
        job: of the run; the caller holds the lock of its folder.
        stop: read before the first update and after each.
        terminal: that has introduced the run.
        workers: threads that TensorFlow has started with, and parts of a batch.

    Raises:
        MachineError: if disk or memory runs out.
        DivergedError: if the training diverges, after a checkpoint of the step before.
        Interrupted: after a signal or a closed pipe, with a checkpoint taken if there was a step since the last.
    """
    config, text, folder, watch = job.config, job.text, job.folder, Stopwatch()
    previous, is_as_it_was = _open_folder(job, workers), job.is_resumed and job.resumption.copied_from is None
    with log_to(folder.log, terminal, is_held=is_as_it_was) as write_log:
        with nullcontext() if is_as_it_was else beginning(folder):
            state, parameters = _begin(job, terminal, workers)
        facts = _list_facts(job, state.network, workers)
        checkpoints = CheckpointStore(folder.checkpoints, facts=facts, num_rolling=config.training.keep_checkpoints)
        restored = _restore(job, state, checkpoints, terminal) if job.is_resumed else None
        if restored is not None and _forget_other_scoring(job, state, restored):
            previous = replace(previous, ngram_val_loss=None)
        write_log()  # nothing is refused from here on
        tracker = start_tracking(job, terminal)
        baseline = Baseline(text, previous.ngram_val_loss, job.ngrams)
        feed = TrackerFeed(tracker, job, checkpoints, watch, state.progress.step)
        summary = SummaryFile(job, state, tracker, watch=watch, previous=previous, find_baseline=baseline.find_loss)
        listeners: list[Listener] = [
            Settings(job, checkpoints, step=state.progress.step, parameters=parameters),
            Times(watch, job.began),
            baseline,
            Metrics(
                MetricsFile(folder.metrics, last_step=state.progress.step),
                is_resumed=job.is_resumed,
                characters_per_step=text.order.characters_per_step,
                is_averaged=bool(state.ema),
                watch=watch,
                send=feed.send_row,
            ),
            summary,
            feed,  # before the samples: a sample that a kill left out is sent with the validation loss of its row
            Samples(job, state, restored, watch=watch, send=feed.send_samples, show=terminal.sample),
            NoveltyOfLines(job, lambda event: _tell(listeners, event)),
            Guessing(len(text.corpus.vocabulary)),
            make_curves(job, num_weights=count_parameters(state.network), find_ngrams=baseline.wait_for_loss),
            Views(job, state.network, watch=watch),
        ]
        with closing(listeners, summary=summary, feed=feed):
            _train(job, state, checkpoints, listeners, terminal, stop)
            num_steps = text.plan.count_steps(config.training)
            chosen = choose_weights(state.progress, config.training, checkpoints, num_steps=num_steps)
            with chosen.loaded(state):
                _score(job, state, listeners, watch, stop, chosen)
                for listener in listeners:
                    listener.finish()
        ended = folder.read_summary()
        conclude(ended, folder, config, terminal)
    return ended


def _open_folder(job: Job, workers: Workers) -> Summary:
    """Make the folder where it is not there: of a new run, or a copy; return the summary of earlier sessions."""
    folder, source = job.folder, job.resumption.copied_from
    if source is not None:
        copy_run(source, folder, to_values(job.config)["tracking"], began=job.began)
    if job.is_resumed:
        return folder.read_summary()
    folder.create(job.config, job.text.corpus.vocabulary)
    key = job.hash or hash_job(job.as_asked, threads=workers.threads, parts=workers.parts)
    began = Summary(name=job.name, session_began=job.began, num_sessions=1, job_hash=key)
    folder.write_summary(replace(began, status="RUNNING"))
    return Summary(job_hash=began.job_hash)


def _begin(job: Job, terminal: Terminal, workers: Workers) -> tuple[TrainingState, str]:
    """Return the state of a run before its first update, and the table of its weights, which the terminal shows."""
    for line in (*warn_of_length(job.config.training, job.text.plan), *job.resumption.warnings):
        log.warning(line)
    if job.config.training.batch_size % workers.parts:  # only a run that goes on with another batch size
        log.warning(
            f"a batch of {job.config.training.batch_size} streams has no {workers.parts} equal parts, in which the run "
            f"was computed so far: from its next epoch on each is computed as a whole, by {workers.threads} thread(s)."
        )
    pin_determinism()
    state = _build_state(job, terminal, workers)
    return state, show_parameters(list_parameters(state.network), terminal)


@explain_memory_errors()
def _build_state(job: Job, terminal: Terminal, workers: Workers) -> TrainingState:
    training, vocabulary = job.config.training, job.text.corpus.vocabulary
    needed, free = estimate_bytes(job.model, training, num_symbols=len(vocabulary)), find_free_bytes()
    terminal.say(f"memory: about {needed / 2**30:,.2f} GiB of {free / 2**30:,.2f} GiB free")
    network = build_network(
        job.model,
        num_symbols=len(vocabulary),
        precision=training.precision,
        seed=job.config.seed,
        line_break=job.text.splits.line_break,
    )
    if job.initial is not None:
        load_weights(network, job.initial.fit(read_weights(network), vocabulary))
        terminal.say(job.initial.describe(vocabulary))
    return start_state(
        network,
        build_optimizer(job.config.optimizer, network),
        batch_size=job.text.order.batch_size,
        ema=training.ema_decay is not None,
        num_parts=workers.parts,
        devices=() if training.devices is None else list_devices()[: training.devices],
    )


def _list_facts(job: Job, network: Network, workers: Workers) -> dict[str, Any]:
    """Return the facts in a checkpoint's manifest: model, optimizer, vocabulary, text, precision, machine, versions."""
    machine = describe_arithmetic() | ({"parts": str(workers.parts)} if workers.parts > 1 else {})
    arithmetic = {"precision": network.precision, "machine": machine, "versions": list_versions()}
    return job.list_facts() | arithmetic


def _restore(job: Job, state: TrainingState, checkpoints: CheckpointStore, terminal: Terminal) -> Checkpoint | None:
    """Load the checkpoint that the run goes on from; return None where there is none."""
    point, resumption = find_resume_point(checkpoints), job.resumption
    if resumption.step not in (None, point.step):
        raise MachineError(f"run {job.folder.path} was worked on by another process meanwhile: resume it again.")
    for line in point.warnings:
        log.warning(line)
    if point.diverged_after is not None:
        checkpoints.go_back(point.step)
        terminal.say(f"the training diverged after step {point.diverged_after:,}: going back to step {point.step:,}")
    if point.checkpoint is None:
        terminal.say("starting at step 0" if point.diverged_after else "no checkpoint yet: starting at step 0")
    else:
        checkpoints.check_facts(point.checkpoint)
        for line in checkpoints.find_changes(point.checkpoint):
            log.warning(line)
        state.carried = state.network.first_states(job.text.plan.find_batch_size(point.step))
        rates = list_rates(point.checkpoint.read_manifest()["model"])
        state.restore(point.weights, point.training, step=point.step, had_dropout=[rate > 0 for rate in rates])
        terminal.say(f"resuming after step {state.progress.step:,} from {point.checkpoint.folder.name}")
    for change in resumption.new:
        terminal.say(f"changed: {change}")
    return point.checkpoint


def _forget_other_scoring(job: Job, state: TrainingState, restored: Checkpoint) -> bool:
    """Forget the best loss if the validation text was scored by another rule; return whether it was."""
    is_other = restored.read_manifest().get("numerics", 1) < SCORED_BY_PARTS and len(job.text.splits.val_starts) > 1
    if is_other:
        state.progress.forget_best()
        log.warning(
            "an older program scored the parts of the validation text as one; each is scored from an empty state from "
            "here on. The losses of both are not compared: the best one and the n-gram baseline are found anew."
        )
    return is_other


@explain_memory_errors()
def _train(
    job: Job,
    state: TrainingState,
    checkpoints: CheckpointStore,
    listeners: Sequence[Listener],
    terminal: Terminal,
    stop: StopRequest,
) -> None:
    """Pass every event of the loop to the listeners, the progress lines and the profiler."""
    training, text, progress = job.config.training, job.text, state.progress
    val_n, starts = text.splits.val_n, text.splits.val_starts
    scorer = None if val_n is None else Scorer(state.network, val_n, starts, num_parts=state.num_parts)
    num_steps = text.plan.count_steps(training)
    view = show_training(terminal, num_steps=num_steps, first_step=progress.step, num_epochs=training.epochs)
    if not stop():
        lines = ProgressLines(
            view, state, characters_per_step=text.order.characters_per_step, is_validated=scorer is not None
        )
        with view, Profiler(job.folder.profile, None if job.is_resumed else training.profile_steps) as profiler:
            events = train(
                state, config=job.config, text=text, scorer=scorer, checkpoints=checkpoints, should_stop=stop
            )
            for event in _keeping_diverged(events, job, state, checkpoints):
                for listener in (*listeners, lines, profiler):
                    listener.hear(event)
    is_complete = is_finished(state.progress, training, num_steps=num_steps)
    if is_complete and (reason := explain_end(state.progress, training, text.plan)):
        terminal.say(reason)
    # A signal that came when all was done changes nothing any more.
    if stop.signal_number is not None and not is_complete:
        step = state.progress.step
        raise Interrupted(
            stop.signal_number,
            (f"stopped after step {step:,}, with a checkpoint. " if step else "stopped before the first step. ")
            + f"Go on with: {name_program()} resume run={job.folder.path}",
        )


def _keeping_diverged(
    events: Iterator[Event], job: Job, state: TrainingState, checkpoints: CheckpointStore
) -> Iterator[Event]:
    """Yield the events; if the training diverges, save the state of the step before.

    Raises:
        DivergedError: with the way to go on.
    """
    try:
        yield from events
    except DivergedError as error:
        if state.progress.step:
            num_symbols = len(job.text.corpus.vocabulary)
            yield Saving()
            keep_diverged(checkpoints, state.snapshot(), job.folder, num_symbols=num_symbols)
        raise DivergedError(f"{error} {advise_calmer(job.config.optimizer, job.folder)}") from None


@explain_memory_errors()
def _score(
    job: Job,
    state: TrainingState,
    listeners: Sequence[Listener],
    watch: Stopwatch,
    stop: StopRequest,
    chosen: ChosenWeights,
) -> None:
    _tell(listeners, Chosen(chosen.step, is_best=chosen.best is not None))
    for scored in score_splits(job, state, watch, stop, step=chosen.step):
        _tell(listeners, scored)


def _tell(listeners: Sequence[Listener], event: RunEvent) -> None:
    for listener in listeners:
        listener.hear(event)
