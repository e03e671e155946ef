"""From checked settings to a run that is under way: what can be refused is refused before TensorFlow is imported."""

from collections.abc import Mapping
from typing import Any

from charrnn_exp.config.schema import Config
from charrnn_exp.data.preparation import PreparedText, prepare_text
from charrnn_exp.experiment.initial_weights import read_initial_weights
from charrnn_exp.machine.tensorflow import import_tensorflow
from charrnn_exp.model.memory import check_memory
from charrnn_exp.model.size import resolve
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.signals import watch_signals
from charrnn_exp.tracking.store import probe_server
from charrnn_exp.training.transfer import InitialWeights


def prepare_run(config: Config) -> tuple[PreparedText, InitialWeights | None]:
    """Read all that a run starts from, before anything is made.

    Raises:
        CharRNNError: if text, prompt, size or the other run's weights do not fit the settings.
    """
    text = prepare_text(config)
    resolve(config.model, num_symbols=len(text.corpus.vocabulary))
    return text, read_initial_weights(config, text.corpus.vocabulary)


def start_run(
    config: Config,
    text: PreparedText,
    folder: RunFolder,
    *,
    name: str,
    tags: Mapping[str, str],
    initial: InitialWeights | None = None,
    resume: bool = False,
    began: float | None = None,
) -> dict[str, Any]:
    """Lock the run folder, train, sample and log; return the summary.

    Args:
        config: checked settings.
        text: of `prepare_text(config)`.
        folder: of the run; made where it is missing.
        name: of the run, in the MLflow UI.
        tags: further tags of the MLflow run.
        initial: weights to start from; None: drawn by the seed.
        resume: go on from the newest whole checkpoint of the folder, from step 0 where there is none.
        began: time.time() when the run began; None: now.

    Raises:
        MachineError: if memory, the tracking server, the folder or the training is not fit for it.
        Interrupted: after SIGINT or SIGTERM, with a checkpoint taken if there was a step since the last.
    """
    with folder.lock(), watch_signals() as stop:
        check_memory(config, num_symbols=len(text.corpus.vocabulary))
        probe_server(config.tracking)
        import_tensorflow()
        from charrnn_exp.experiment.run import RunIdentity, run_experiment

        identity = RunIdentity(name, tags)
        return run_experiment(
            config, text, folder, identity=identity, initial=initial, resume=resume, began=began, stop=stop
        )
