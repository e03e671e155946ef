"""`resume`: go on with a run that was stopped, or go on longer with one that ended."""

from collections.abc import Sequence

from charrnn_exp.commands.words import change_config, parse_words
from charrnn_exp.config.schema import Config
from charrnn_exp.data.batches import count_steps
from charrnn_exp.data.preparation import PreparedText, prepare_text
from charrnn_exp.init_from import read_initial_weights
from charrnn_exp.model.startup import find_process_start
from charrnn_exp.starting import start_run
from charrnn_exp.tracking.run_folder import RunFolder, find_run
from charrnn_exp.training.checkpoint import CheckpointStore


def resume(words: Sequence[str]) -> None:
    """Go on with `run=REF` (default: latest) in its own folder, to `training.epochs` and `training.max_steps`.

    Raises:
        CharRNNError: if there is no such run, or its text or checkpoints are not what they were.
    """
    parsed = parse_words(words, verb="resume")
    folder = find_run(parsed.own.get("run", "latest"))
    config = change_config(folder.read_values(), parsed)
    text = prepare_text(config)
    if _is_finished(folder, config, text):
        return
    # A run that has no checkpoint yet begins where it began; one that has needs the other run no more.
    has_checkpoint = CheckpointStore(folder.checkpoints, facts={}, num_rolling=1).find_all()
    initial = None if has_checkpoint else read_initial_weights(config, text.corpus.vocabulary)
    name, began = config.tracking.run_name or folder.path.name, find_process_start()
    start_run(config, text, folder, name=name, tags={}, initial=initial, resume=True, began=began)


def _is_finished(folder: RunFolder, config: Config, text: PreparedText) -> bool:
    """Return whether there is nothing left to do, and say so."""
    summary, num_steps = folder.read_summary(), count_steps(config.training, text.order)
    finished = bool(summary.get("status") == "FINISHED" and summary["step"] >= num_steps)
    if finished:
        print(
            f"run {folder.path} is finished: {summary['step']} steps of {num_steps}. "
            f"To go on longer: resume run={folder.path} training.epochs={config.training.epochs * 2}"
        )
    return finished
