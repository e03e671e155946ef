"""Checks of a whole configuration; they read no file and import no heavy library."""

import os
import re
from collections.abc import Iterator

from charrnn_exp.config.checks.dataset import find_dataset_problems
from charrnn_exp.config.checks.model import find_model_problems
from charrnn_exp.config.checks.optimizer import find_optimizer_problems
from charrnn_exp.config.checks.ranges import at_least
from charrnn_exp.config.checks.sampling import find_sampling_problems
from charrnn_exp.config.checks.tracking import find_tracking_problems
from charrnn_exp.config.checks.training import find_training_problems
from charrnn_exp.config.choices import Backend, Schedule, Split
from charrnn_exp.config.schema import Config
from charrnn_exp.config.secrets import redact

PATH_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""Names that become folders."""


def find_problems(config: Config) -> list[str]:
    """Return all problems, one line each; without any, the run can start."""
    return [
        *_name_problems(config),
        *find_dataset_problems(config.dataset),
        *find_model_problems(config.model),
        *find_optimizer_problems(config.optimizer),
        *find_training_problems(config.training),
        *find_sampling_problems(config.sampling),
        *find_tracking_problems(config.tracking),
        *([] if config.sweep.jobs is None else at_least("sweep.jobs", config.sweep.jobs, 1)),
        *_line_problems(config),
        *_joint_problems(config),
    ]


def find_warnings(config: Config) -> list[str]:
    """Return warnings about settings that are allowed but probably a mistake, one line each."""
    return list(_warnings(config))


def _warnings(config: Config) -> Iterator[str]:
    if config.training.shuffle and config.training.stateful:
        yield (
            "training.shuffle and training.stateful are both true: each window starts from the state that an "
            "unrelated window left behind. Set one of them to false, unless you repeat the notebook."
        )
    is_carried = config.training.stateful and not config.dataset.lines
    if config.model.learn_initial_state and is_carried and not config.training.drop_state_probability:
        yield (
            "model.learn_initial_state learns from one update an epoch while states are carried: set "
            "training.drop_state_probability=0.01."
        )
    if config.model.variational_dropout and not any(
        (config.model.dropout, config.model.input_dropout, config.model.output_dropout)
    ):
        yield "model.variational_dropout has nothing to hold: set model.dropout, input_dropout or output_dropout."
    if config.model.residual and config.model.num_layers == 1:
        yield "model.residual has nothing to add with model.num_layers=1: the first layer's inputs are not added."
    if config.training.max_steps is not None and config.optimizer.warmup_steps > config.training.max_steps:
        yield (
            f"optimizer.warmup_steps is {config.optimizer.warmup_steps}, more than training.max_steps "
            f"({config.training.max_steps}): the peak rate is never reached."
        )
    if config.tracking.backend is Backend.local and (uri := os.environ.get("MLFLOW_TRACKING_URI")):
        yield (
            f"MLFLOW_TRACKING_URI is {redact(uri)!r} and is not used: with tracking=local the run goes to ./mlruns. "
            "Set tracking=server to use it."
        )


def _name_problems(config: Config) -> Iterator[str]:
    if not PATH_NAME.fullmatch(config.name):
        yield (
            f"name must be letters, digits, '.', '_' or '-' (at most 100, the first a letter or digit), "
            f"got {config.name!r}. It becomes a folder under outputs/."
        )
    if not 0 <= config.seed < 2**31:
        yield f"seed must be in [0, 2147483647], got {config.seed}."


def _line_problems(config: Config) -> Iterator[str]:
    """Yield the settings that a text of lines, which starts anew at each and deals whole ones, has no use for."""
    if not config.dataset.lines:
        return
    if config.dataset.split in (Split.charrnn, Split.karpathy2015):
        yield (
            f"dataset.split must not be {config.dataset.split.name} when dataset.lines=true (it cuts lines), got "
            f"{config.dataset.split.name}. Use dataset.split=nanogpt."
        )
    if config.sampling.stop is not None:
        yield f"sampling.stop must be null when dataset.lines=true (a line ends itself), got {config.sampling.stop!r}."
    for field, needed, why in (
        ("shuffle", False, "whole lines are shuffled"),
        ("stateful", True, "a long line goes on from window to window"),
        ("stream_jitter", False, "whole lines are shuffled"),
        ("drop_state_probability", 0.0, "each line starts anew"),
    ):
        value = getattr(config.training, field)
        if value != needed:
            shown = str(needed).lower() if isinstance(needed, bool) else "0"
            got = str(value).lower() if isinstance(value, bool) else value
            yield f"training.{field} must be {shown} when dataset.lines=true ({why}), got {got}."


def _joint_problems(config: Config) -> Iterator[str]:
    if config.dataset.split is Split.none:
        for field in ("early_stopping_patience", "validate_every_steps", "max_val_characters"):
            value = getattr(config.training, field)
            if value is not None:
                yield (
                    f"training.{field} must be null when dataset.split=none (there is no validation text), "
                    f"got {value}. Use dataset.split=nanogpt."
                )
        if config.optimizer.schedule is Schedule.plateau:
            yield (
                "optimizer.schedule must not be plateau when dataset.split=none (there is no validation text), "
                "got plateau. Use dataset.split=nanogpt."
            )
