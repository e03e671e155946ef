"""What is wrong with a configuration, in words; nothing here looks at a file or imports a heavy library."""

import codecs
import math
import os
import re
from collections.abc import Iterator

from charrnn_exp.config.learning_checks import find_model_problems, find_optimizer_problems, find_training_problems
from charrnn_exp.config.options import Backend, DatasetName, Schedule, Split
from charrnn_exp.config.ranges import at_least, between
from charrnn_exp.config.schema import (
    Config,
    DatasetConfig,
    SamplingConfig,
    TrackingConfig,
)
from charrnn_exp.config.secrets import redact

PATH_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""Names that become folders."""

MLFLOW_NAME_LENGTH = 250


def find_problems(config: Config) -> list[str]:
    """Return everything that is wrong, one line each; an empty list means that the run can start."""
    return [
        *_name_problems(config),
        *_dataset_problems(config.dataset),
        *find_model_problems(config.model),
        *find_optimizer_problems(config.optimizer),
        *find_training_problems(config.training),
        *_sampling_problems(config.sampling),
        *_tracking_problems(config.tracking),
        *_joint_problems(config),
    ]


def find_warnings(config: Config) -> list[str]:
    """Return what is allowed but probably not meant, one line each."""
    return list(_warnings(config))


def _warnings(config: Config) -> Iterator[str]:
    if config.training.shuffle and config.training.stateful:
        yield (
            "training.shuffle and training.stateful are both true: each window starts from the state that an "
            "unrelated window left behind. Set one of them to false, unless you repeat the notebook."
        )
    if config.model.learn_initial_state and config.training.stateful and not config.training.drop_state_probability:
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


def _name_problems(config: Config) -> Iterator[str]:
    if not PATH_NAME.fullmatch(config.name):
        yield (
            f"name must be letters, digits, '.', '_' or '-' (at most 100, the first a letter or digit), "
            f"got {config.name!r}. It becomes a folder under outputs/."
        )
    if not 0 <= config.seed < 2**31:
        yield f"seed must be in [0, 2147483647], got {config.seed}."


def _dataset_problems(dataset: DatasetConfig) -> Iterator[str]:
    if dataset.name is DatasetName.file and not dataset.path:
        yield "dataset.path must be the path of a text file when dataset=file, got null. Set dataset.path=FILE."
    if dataset.name is not DatasetName.file and dataset.path is not None:
        yield (
            f"dataset.path must be null when dataset={dataset.name.name}, got {dataset.path!r}. "
            f"Use dataset=file dataset.path={dataset.path}."
        )
    try:
        b"a".decode(dataset.encoding, errors="replace")
        codecs.getincrementaldecoder(dataset.encoding)
    except (LookupError, ValueError):
        yield f"dataset.encoding must be a text encoding of Python (utf-8, latin-1, cp1252), got {dataset.encoding!r}."
    if dataset.max_bytes is not None:
        yield from at_least("dataset.max_bytes", dataset.max_bytes, 1)
    yield from _split_problems(dataset)


def _split_problems(dataset: DatasetConfig) -> Iterator[str]:
    split = dataset.split
    for field in ("val_fraction", "test_fraction"):
        fraction = getattr(dataset, field)
        if fraction is not None and split not in (Split.fraction, Split.karpathy2015):
            yield (
                f"dataset.{field} must be null when dataset.split={split.name}, got {fraction}. "
                "Use dataset.split=fraction."
            )
        elif fraction is not None and not 0.0 < fraction < 1.0:
            yield f"dataset.{field} must be in (0, 1) or null, got {fraction}."
    if split is Split.fraction and dataset.val_fraction is None:
        yield "dataset.val_fraction must be a number when dataset.split=fraction, got null. 0.1 is common."
    unsaid = 0.1 if split is Split.karpathy2015 else 0.0
    val, test = (unsaid if each is None else each for each in (dataset.val_fraction, dataset.test_fraction))
    if 0.0 < val < 1.0 and 0.0 < test < 1.0 <= val + test:
        yield f"dataset.test_fraction must leave a training text beside dataset.val_fraction={val}, got {test}."
    if dataset.split_streams is not None:
        yield from at_least("dataset.split_streams", dataset.split_streams, 1)
        if split not in (Split.charrnn, Split.karpathy2015):
            yield (
                f"dataset.split_streams must be null when dataset.split={split.name}, got {dataset.split_streams}. "
                "Use dataset.split=charrnn."
            )


def _sampling_problems(sampling: SamplingConfig) -> Iterator[str]:
    yield from between("sampling.length", sampling.length, 1, 10_000_000)
    yield from between("sampling.num_samples", sampling.num_samples, 1, 10_000)
    if not 0.0 <= sampling.temperature < math.inf:
        yield f"sampling.temperature must be at least 0 (0 is greedy) and finite, got {sampling.temperature}."
    if sampling.top_k is not None:
        yield from at_least("sampling.top_k", sampling.top_k, 1)
    if not 0 <= sampling.seed < 2**31:
        yield f"sampling.seed must be in [0, 2147483647], got {sampling.seed}."
    if sampling.prompt == "":
        yield "sampling.prompt must hold at least one character, got ''. null lets the text choose."
    if sampling.prompt is not None and sampling.prompt_file is not None:
        yield "sampling.prompt_file must be null when sampling.prompt is set, got both. Keep one of them."


def _tracking_problems(tracking: TrackingConfig) -> Iterator[str]:
    for field in ("experiment_name", "run_name"):
        value = getattr(tracking, field)
        if value is not None and not (len(value.strip()) > 0 and len(value) <= MLFLOW_NAME_LENGTH):
            yield f"tracking.{field} must be 1 to {MLFLOW_NAME_LENGTH} characters, got {value!r}."
    for key in tracking.tags:
        if not re.fullmatch(r"[\w./ -]{1,250}", key):
            yield f"tracking.tags must have keys of letters, digits, '_', '.', '/', '-' and spaces, got {key!r}."
    uri = tracking.uri or os.environ.get("MLFLOW_TRACKING_URI")
    match tracking.backend:
        case Backend.server if not uri:
            yield (
                "tracking.uri must be the address of the server when tracking=server, got null. "
                "Set tracking.uri=http://HOST:5000 or MLFLOW_TRACKING_URI."
            )
        case Backend.server if not str(uri).startswith(("http://", "https://")):
            yield f"tracking.uri must start with http:// or https:// when tracking=server, got {redact(str(uri))!r}."
        case Backend.server if tracking.uri and redact(tracking.uri) != tracking.uri:
            yield (
                "tracking.uri must be without user and password, since settings are written down, got some for "
                f"{redact(tracking.uri)!r}. Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD."
            )
        case Backend.local | Backend.none if tracking.uri is not None:
            yield (
                f"tracking.uri must be null when tracking={tracking.backend.name}, got {redact(tracking.uri)!r}. "
                "Use tracking=server."
            )


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
