"""`train`, the default verb: trains one run or a sweep, or prints their settings."""

from collections.abc import Sequence
from typing import Any

from charrnn_exp.commands.command import Command
from charrnn_exp.errors import UserError

DETAILS = """\
Trains a model and leaves outputs/NAME/DATE/TIME/ with its config, checkpoints, metrics, samples and plots.
`{program} --help` lists groups and examples; `--cfg job` shows all settings.
"""


def run(words: Sequence[str]) -> None:
    """Run one experiment, or a sweep with -m; print settings with --cfg, --info or --hydra-help.

    Raises:
        CharRNNError: if settings or text do not fit, or the machine fails.
    """
    from charrnn_exp.commands.flags import parse_flags
    from charrnn_exp.config.compose import compose_all
    from charrnn_exp.config.words import write_words

    flags = parse_flags(words)
    overrides = write_words(flags.overrides, multirun=flags.multirun)
    composed = compose_all(overrides, multirun=flags.multirun, config_dir=flags.config_dir)
    # A mistake and a look at the settings load nothing of a run.
    if flags.hydra_help or flags.info or flags.cfg:
        _print(flags, overrides, [job.words for job in composed])
    elif flags.multirun:
        from charrnn_exp.sweeps.launch import launch_sweep

        launch_sweep(overrides, composed, config_dir=flags.config_dir)
    elif composed[0].config.sweep.dry_run:
        raise UserError("sweep.dry_run must be false without -m, got true. Add -m: it is for a sweep.")
    else:
        from charrnn_exp.experiment.launch import launch_run

        launch_run(composed[0].config, overrides)


def _print(flags: Any, overrides: Sequence[str], jobs: Sequence[Sequence[str]]) -> None:
    from charrnn_exp.commands.flags import make_parser
    from charrnn_exp.config.printing import print_hydra_help, print_info, print_settings

    if flags.hydra_help:
        print_hydra_help(make_parser())
    elif flags.info:
        print_info(flags.info, overrides, config_dir=flags.config_dir)
    else:
        assert flags.cfg is not None
        print_settings(
            flags.cfg,
            overrides,
            jobs=jobs if flags.multirun else None,
            config_dir=flags.config_dir,
            package=flags.package,
            resolve=flags.resolve,
        )


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
