"""Preparation and start of a run; mistakes of the user are found before TensorFlow is imported."""

import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from charrnn_exp.config.schema import Config
from charrnn_exp.data.corpus import Corpus, describe, load_corpus
from charrnn_exp.data.plan import Reshape
from charrnn_exp.data.preparation import prepare_text
from charrnn_exp.data.prompt import keep_first_symbol, keep_prompt, read_prompt
from charrnn_exp.data.sources import trust_installed_alone
from charrnn_exp.errors import CharRNNError, Interrupted, MachineError, UserError
from charrnn_exp.experiment.initial_weights import read_initial_weights
from charrnn_exp.experiment.job import Job, Prepared
from charrnn_exp.machine.compiled_cache import keep_compiled
from charrnn_exp.machine.tensorflow import import_tensorflow, preload_tensorflow
from charrnn_exp.model.memory import check_memory, check_sampling_memory
from charrnn_exp.model.size import resolve
from charrnn_exp.model.threads import Workers, choose_parts, choose_workers
from charrnn_exp.program import name_program
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.run_folder.summary import Summary
from charrnn_exp.signals import watch_signals
from charrnn_exp.tracking.access import probe_server
from charrnn_exp.views.report import introduce
from charrnn_exp.views.terminal import Terminal


def check_inputs(configs: Sequence[Config], look: Callable[[int, Prepared], None] = lambda *_: None) -> None:
    """Read the inputs of all jobs of a sweep before the first of them starts; each text is read once.

    Args:
        configs: of the jobs.
        look: called with the index of each job and its inputs, which are not kept.

    Raises:
        UserError: with a line for each text, prompt, size or weights that do not fit, whatever the job.
        MachineError: the same, if the machine failed for one of them.
    """
    errors: list[CharRNNError] = []
    for dataset in {repr(config.dataset): config.dataset for config in configs}.values():
        try:
            corpus = load_corpus(dataset)
        except CharRNNError as error:
            errors.append(error)
            continue
        for i, config in enumerate(configs):
            try:
                if config.dataset == dataset:
                    look(i, prepare_run(config, corpus=corpus))
            except CharRNNError as error:
                errors.append(error)
    if errors:
        kind = UserError if all(isinstance(error, UserError) for error in errors) else MachineError
        raise kind(*dict.fromkeys(line for error in errors for line in error.lines))


def prepare_run(
    config: Config,
    *,
    is_resumed: bool = False,
    terminal: Terminal | None = None,
    corpus: Corpus | None = None,
    reshapes: Sequence[Reshape] = (),
) -> Prepared:
    """Read the inputs of a run; nothing is written.

    Args:
        config: of the run.
        is_resumed: whether the run exists. Then no address of its folder is downloaded from, and the weights of
            training.init_from are not read.
        terminal: says that the text is read; None: nothing does.
        corpus: its text, where it was read already; None: it is read.
        reshapes: its changes in the shape of the batches, in the order of their steps.

    Raises:
        CharRNNError: if text, prompt, size or the other run's weights do not fit the settings.
    """
    dataset = trust_installed_alone(config.dataset) if is_resumed else config.dataset
    if terminal is not None:
        terminal.say(f"reading {describe(dataset)}")
    text = prepare_text(replace(config, dataset=dataset), corpus, reshapes=reshapes)
    vocabulary = text.corpus.vocabulary
    model = resolve(config.model, num_symbols=len(vocabulary))
    initial = None if is_resumed else read_initial_weights(config, vocabulary)
    # Last: a symbol that the text lacks is told of the file.
    config = replace(config, sampling=keep_prompt(config))
    if not is_resumed:
        config = replace(config, sampling=keep_first_symbol(config, text.corpus))
        text = replace(text, prompt_ids_t=read_prompt(config, vocabulary))
    return Prepared(config=config, model=model, text=text, initial=initial)


def start_run(job: Job, terminal: Terminal | None = None) -> Summary:
    """Check memory and tracking server, lock the run folder, train, sample and log; return the summary.

    Nothing is written before the checks, not even the folder of a new run. What TensorFlow alone can tell (its threads,
    the devices) is refused with the lock alone in the folder.

    Args:
        job: of the run.
        terminal: of its preparation; None: a new one.

    Raises:
        MachineError: if memory, tracking server, folder or training fails.
        Interrupted: after a signal or a closed pipe, with a checkpoint taken if there was a step since the last; also
            where the reader of a finished run's last lines went away.
    """
    terminal = terminal or Terminal()
    num_symbols = len(job.text.corpus.vocabulary)
    check_memory(job.model, job.config.training, num_symbols=num_symbols)
    check_sampling_memory(job.model, job.config.sampling, num_symbols=num_symbols)  # the sample at its end
    probe_server(job.config.tracking, run_id=job.folder.read_tracking().get("run_id") if job.is_resumed else None)
    with job.folder.lock(), watch_signals() as stop:
        introduce(job.config, job.text, job.folder, terminal)
        workers = _start_tensorflow(job)
        if stop.signal_number is not None:  # nothing is written yet, so nothing has to be ended
            again = f" Go on with: {name_program()} resume run={job.folder.path}" if job.folder.config.exists() else ""
            raise Interrupted(stop.signal_number, f"stopped before the run began.{again}")
        from charrnn_exp.experiment.run import run_experiment

        try:
            summary = run_experiment(job, stop, terminal, workers)
        finally:
            keep_compiled()
        if stop.signal_number == signal.SIGPIPE:
            raise Interrupted(signal.SIGPIPE, f"the output was closed; the run is finished, in {job.folder.path}")
        return summary


def _start_tensorflow(job: Job) -> Workers:
    """Import TensorFlow with the threads of the settings; a run that goes on without any keeps its checkpoint's.

    Returns:
        The threads that there are and the parts of a batch.

    Raises:
        UserError: if TensorFlow has started in this process with other threads than the settings ask for, or if there
            are not so many devices, or fewer parts than devices.
    """
    training, stored = job.config.training, _read_workers(job)
    if stored is not None and (training.devices or 1) > (parts := training.parts or stored.parts):
        raise UserError(
            f"training.devices must be at most {parts}, the parts of the run's checkpoint, got {training.devices}."
        )

    def choose(gpu: bool) -> Workers:
        if stored is None:
            return choose_workers(job.model, training, gpu=gpu)
        return Workers(training.threads or stored.threads, training.parts or stored.parts)

    preload_tensorflow(choose(gpu=False).threads)
    from charrnn_exp.machine.arithmetic import has_gpu, list_devices

    wanted = choose(gpu=has_gpu())
    threads = import_tensorflow(wanted.threads)
    if training.threads not in (None, threads):
        raise UserError(
            f"training.threads must be {threads} in this process, where TensorFlow has started, "
            f"got {training.threads}. Start the run in a process of its own."
        )
    if training.devices is not None and training.devices > len(devices := list_devices()):
        raise UserError(
            f"training.devices must be at most {len(devices)} on this machine, which has {', '.join(devices)}, "
            f"got {training.devices}."
        )
    if threads != wanted.threads and stored is None and not (training.parts or training.devices):
        return Workers(threads, choose_parts(threads, training.batch_size, gpu=has_gpu()))
    return Workers(threads, wanted.parts)


def _read_workers(job: Job) -> Workers | None:
    """Return the threads and parts of the newest checkpoint that says them; None where none does."""
    folder = job.resumption.copied_from or job.folder
    for checkpoint in reversed(CheckpointStore(folder.checkpoints, facts={}, num_rolling=1).find_all()):
        with suppress(MachineError, OSError):
            if (found := checkpoint.read_workers()) is not None:
                return Workers(*found)
    return None
