"""One run, told in order."""

import logging
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from charrnn_exp.config.choices import Backend
from charrnn_exp.config.reading import flatten, to_values
from charrnn_exp.config.schema import Config
from charrnn_exp.data.batches import count_steps
from charrnn_exp.data.corpus import describe
from charrnn_exp.data.preparation import PreparedText
from charrnn_exp.errors import Interrupted
from charrnn_exp.evaluation.scorer import Scorer
from charrnn_exp.experiment.close import beginning, closing
from charrnn_exp.experiment.listeners.profile import Profiler
from charrnn_exp.experiment.log import log_to
from charrnn_exp.experiment.recorder import Recorder
from charrnn_exp.machine.arithmetic import describe_arithmetic, pin_determinism
from charrnn_exp.model.memory import estimate_bytes, find_free_bytes, telling_of_memory
from charrnn_exp.model.network import Network, build_network
from charrnn_exp.program import name_program
from charrnn_exp.run_folder.checkpoint import Checkpoint
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.metrics import MetricsFile
from charrnn_exp.signals import StopRequest
from charrnn_exp.tracking.mlflow_run import KEY_TAG, RunDescription
from charrnn_exp.tracking.provenance import list_versions, read_git_state
from charrnn_exp.tracking.tracker import Tracker, start_tracker
from charrnn_exp.training.loop import is_finished, train
from charrnn_exp.training.optimizer import build_optimizer
from charrnn_exp.training.state import TrainingState, load_weights, read_weights, start_state
from charrnn_exp.training.transfer import InitialWeights
from charrnn_exp.views.report import conclude, introduce, show_parameters
from charrnn_exp.views.terminal import Terminal

log = logging.getLogger("charrnn_exp")


@dataclass(frozen=True)
class RunIdentity:
    """What a run is called.

    Args:
        name: in the MLflow UI.
        tags: further tags of the MLflow run.
    """

    name: str
    tags: Mapping[str, str]


def run_experiment(
    config: Config,
    text: PreparedText,
    folder: RunFolder,
    *,
    identity: RunIdentity,
    resume: bool = False,
    initial: InitialWeights | None = None,
    began: float | None = None,
    stop: StopRequest | None = None,
) -> dict[str, Any]:
    """Train, sample and log one run; return its summary.

    Args:
        config: checked settings.
        text: of `prepare_text(config)`.
        folder: of the run; made where it is missing. The caller holds its lock.
        identity: name and tags.
        resume: go on from the newest whole checkpoint of the folder, from step 0 where there is none.
        initial: the weights of another run to start from at step 0; None: as the network draws them.
        began: time.time() when the run began; None: now.
        stop: looked at before the first update and after each; None: nothing stops the run.

    Raises:
        MachineError: if the machine fails the run: a disk, memory, a loss that is not a number.
        Interrupted: after SIGINT or SIGTERM, with a checkpoint taken if there was a step since the last.
    """
    terminal, began, stop = Terminal(), began or time.time(), stop or StopRequest()
    before = folder.read_summary() if resume else {}
    folder.create(config, text.corpus.vocabulary)
    with log_to(folder.log, terminal):
        with beginning(folder):
            introduce(config, text, folder, terminal)
            pin_determinism()
            state = _build_state(config, text, initial, terminal)
            show_parameters(state.network, folder, terminal)
        checkpoints = CheckpointStore(
            folder.checkpoints, facts=_facts(config, text, state.network), num_rolling=config.training.keep_checkpoints
        )
        restored = _restore(state, checkpoints, terminal) if resume else None
        metrics = MetricsFile(folder.metrics, last_step=state.progress.step)
        tracker = _start_tracker(config, text, folder, identity, is_resumed=resume)
        recorder = Recorder(config, folder, text, state, metrics, tracker, identity.name, began, before)
        with closing(folder, recorder, tracker, checkpoints, config):
            recorder.make_up(restored)
            _train(config, text, state, checkpoints, recorder, terminal, stop)
            _score(text, state, recorder, stop)
            _finish(state, recorder, terminal, identity)
    summary = folder.read_summary()
    conclude(summary, folder, config, terminal)
    return summary


@telling_of_memory()
def _build_state(
    config: Config, text: PreparedText, initial: InitialWeights | None, terminal: Terminal
) -> TrainingState:
    vocabulary = text.corpus.vocabulary
    needed, free = estimate_bytes(config, num_symbols=len(vocabulary)), find_free_bytes()
    terminal.say(f"memory: about {needed / 2**30:,.2f} GiB of {free / 2**30:,.2f} GiB free")
    network = build_network(config, num_symbols=len(vocabulary))
    if initial is not None:
        load_weights(network, initial.fit(read_weights(network), vocabulary))
        terminal.say(initial.describe(vocabulary))
    return start_state(
        network,
        build_optimizer(config.optimizer, network),
        batch_size=config.training.batch_size,
        ema=config.training.ema_decay is not None,
    )


def _facts(config: Config, text: PreparedText, network: Network) -> dict[str, Any]:
    """Return what a checkpoint's numbers depend on and its arrays do not show."""
    values = to_values(config)
    return {
        "model": values["model"],
        "optimizer": values["optimizer"]["name"],
        "precision": network.precision,
        "vocabulary_sha256": text.corpus.vocabulary.sha256,
        "dataset": text.corpus.fingerprint.as_dict(),
        "machine": describe_arithmetic(),
        "versions": list_versions(),
    }


def _restore(state: TrainingState, checkpoints: CheckpointStore, terminal: Terminal) -> Checkpoint | None:
    if not checkpoints.find_all():
        terminal.say("no checkpoint yet: starting at step 0")
        return None
    checkpoint, weights, training, warnings = checkpoints.load_newest()
    for line in warnings:
        log.warning(line)
    checkpoints.check_facts(checkpoint)
    for line in checkpoints.find_changes(checkpoint):
        log.warning(line)
    state.restore(weights, training, step=checkpoint.step)
    terminal.say(f"resuming after step {state.progress.step:,} from {checkpoint.folder.name}")
    return checkpoint


def describe_run(
    config: Config, text: PreparedText, folder: RunFolder, identity: RunIdentity, *, before: Mapping[str, Any]
) -> RunDescription:
    """Return what MLflow is told of the run at its start; its name and key stay those that it had `before`."""
    fingerprint, notes = text.corpus.fingerprint.as_dict(), text.corpus.notes
    return RunDescription(
        name=before.get("name", identity.name),
        params=flatten(to_values(config)),
        tags={
            **{f"version.{name}": version for name, version in list_versions().items()},
            **read_git_state(),
            **{f"dataset.{name}": str(value) for name, value in fingerprint.items()},
            **({"dataset.notes": " ".join(notes)} if notes else {}),
            "run_folder": folder.label,
            KEY_TAG: before.get("tags", {}).get(KEY_TAG, uuid.uuid4().hex),
            **identity.tags,
            **config.tracking.tags,
        },
        dataset={"name": describe(config.dataset), **fingerprint},
    )


def _start_tracker(
    config: Config, text: PreparedText, folder: RunFolder, identity: RunIdentity, *, is_resumed: bool
) -> Tracker:
    """Start tracking, with a record in the run folder of what MLflow is told and by which id it knows the run."""
    before = folder.read_tracking() if is_resumed else {}
    run = describe_run(config, text, folder, identity, before=before)
    record = {"run_id": before.get("run_id"), "complete": False, **run.as_dict()}
    if config.tracking.backend is not Backend.none:
        folder.write_tracking(record)
    return start_tracker(
        config.tracking,
        run,
        run_id=record["run_id"],
        is_resumed=is_resumed,
        remember=lambda run_id: folder.write_tracking({**record, "run_id": run_id}),
    )


@telling_of_memory()
def _train(
    config: Config,
    text: PreparedText,
    state: TrainingState,
    checkpoints: CheckpointStore,
    recorder: Recorder,
    terminal: Terminal,
    stop: StopRequest,
) -> None:
    val_n = text.parts.val_n
    scorer = None if val_n is None else Scorer(state.network, val_n)
    num_steps = count_steps(config.training, text.order)
    view = terminal.training(
        num_steps=num_steps,
        first_step=state.progress.step,
        num_epochs=config.training.epochs,
    )
    if not stop():
        with view, Profiler(recorder.folder.profile, config.training.profile_steps) as profiler:
            for event in train(
                state,
                config=config,
                train_ids_n=text.parts.train_n,
                order=text.order,
                scorer=scorer,
                checkpoints=checkpoints,
                should_stop=stop,
            ):
                recorder.record(event, view)
                profiler.see(event)
    # A signal that came when all was done changes nothing any more.
    if stop.signal_number is not None and not is_finished(state.progress, config.training, num_steps=num_steps):
        step = state.progress.step
        raise Interrupted(
            stop.signal_number,
            (f"stopped after step {step:,}, with a checkpoint. " if step else "stopped before the first step. ")
            + f"Go on with: {name_program()} resume run={recorder.folder.path}",
        )


@telling_of_memory()
def _score(text: PreparedText, state: TrainingState, recorder: Recorder, stop: StopRequest) -> None:
    """Score validation and test text with the weights that samples use; what a part before this one did stays."""
    for split, part_n in (("val", text.parts.val_n), ("test", text.parts.test_n)):
        if part_n is None or split in recorder.scores:
            continue
        with recorder.watch.time("scores"), state.averaged_weights():
            scores = Scorer(state.network, part_n).score(stop)
        if scores is None:
            assert stop.signal_number is not None
            raise Interrupted(
                stop.signal_number,
                f"stopped after the last step, before its scores. "
                f"Go on with: {name_program()} resume run={recorder.folder.path}",
            )
        recorder.record_scores(split, scores)


def _finish(state: TrainingState, recorder: Recorder, terminal: Terminal, identity: RunIdentity) -> None:
    for shown in recorder.texts:
        terminal.sample(f"sample after step {state.progress.step:,}", shown)
    recorder.draw_curves(identity.name)
