"""`train`, the verb that is meant when none is given."""

from collections.abc import Sequence

from charrnn_exp.commands.command import Command

DETAILS = """\
Trains a model and leaves outputs/NAME/DATE/TIME/ with its config, checkpoints, metrics, samples and plots.
`{program} --help` lists groups and examples; `--cfg job` shows all settings.
"""


def run(words: Sequence[str]) -> None:
    """Run one experiment, or a sweep with -m."""
    from charrnn_exp.commands.launch import train

    train(words)


COMMAND = Command(
    name="train",
    order=1,
    summary="train a model, sample from it, log it to MLflow; meant when no verb is given",
    usage="[train] [setting=value ...] [-m] [--cfg job] [--config-dir DIR]",
    details=DETAILS,
    settings=("",),
    groups=("",),
    flags=("--help", "--version", "--cfg", "--config-dir", "-m"),
    run=run,
)
