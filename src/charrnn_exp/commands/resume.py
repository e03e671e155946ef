"""`resume`: go on with a run that was stopped, or go on longer with one that ended."""

from collections.abc import Sequence

from charrnn_exp.commands.words import change_config, parse_words
from charrnn_exp.data.preparation import prepare_text
from charrnn_exp.model.startup import import_tensorflow
from charrnn_exp.tracking.run_folder import find_run


def resume(words: Sequence[str]) -> None:
    """Go on with `run=REF` (default: latest) in its own folder, to `training.epochs` and `training.max_steps`.

    Raises:
        CharRNNError: if there is no such run, or its text or checkpoints are not what they were.
    """
    parsed = parse_words(
        words, verb="resume", own=["run"], settings=["training.epochs", "training.max_steps", "tracking."]
    )
    folder = find_run(parsed.own.get("run", "latest"))
    config = change_config(folder.read_values(), parsed)
    summary = folder.read_summary()
    text = prepare_text(config)
    num_steps = config.training.epochs * text.order.steps_per_epoch
    if config.training.max_steps is not None:
        num_steps = min(num_steps, config.training.max_steps)
    if summary.get("status") == "FINISHED" and summary["step"] >= num_steps:
        print(
            f"run {folder.path} is finished: {summary['step']} steps of {num_steps}. "
            f"To go on longer: resume run={folder.path} training.epochs={config.training.epochs * 2}"
        )
        return
    import_tensorflow()
    from charrnn_exp.experiment import RunIdentity, run_experiment

    name = config.tracking.run_name or folder.path.name
    run_experiment(config, text, folder, identity=RunIdentity(name, {}), resume=True)
