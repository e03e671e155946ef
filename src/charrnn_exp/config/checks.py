"""What is wrong with a configuration, in words; nothing here looks at a file or imports a heavy library."""

import base64
import codecs
import math
import os
import re
from collections.abc import Iterator
from urllib.parse import quote, unquote

from charrnn_exp.config.schema import (
    Backend,
    Config,
    DatasetConfig,
    DatasetName,
    ModelConfig,
    OptimizerConfig,
    OptimizerName,
    SamplingConfig,
    Split,
    TrackingConfig,
    TrainingConfig,
)

PATH_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""Names that become folders."""

MLFLOW_NAME_LENGTH = 250
LARGEST_FLOAT32 = 3.4e38


def find_problems(config: Config) -> list[str]:
    """Return everything that is wrong, one line each; an empty list means that the run can start."""
    return [
        *_name_problems(config),
        *_dataset_problems(config.dataset),
        *_model_problems(config.model),
        *_optimizer_problems(config.optimizer),
        *_training_problems(config.training),
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
        yield from _at_least("dataset.max_bytes", dataset.max_bytes, 1)


def _model_problems(model: ModelConfig) -> Iterator[str]:
    yield from _between("model.embedding_dim", model.embedding_dim, 1, 16_384)
    yield from _between("model.hidden_size", model.hidden_size, 1, 16_384)
    yield from _between("model.num_layers", model.num_layers, 1, 16)
    if not 0.0 <= model.dropout < 1.0:
        yield f"model.dropout must be in [0, 1), got {model.dropout}."


def _optimizer_problems(optimizer: OptimizerConfig) -> Iterator[str]:
    yield from _positive("optimizer.learning_rate", optimizer.learning_rate)
    yield from _at_least("optimizer.warmup_steps", optimizer.warmup_steps, 0)
    if optimizer.clip_norm is not None:
        yield from _positive("optimizer.clip_norm", optimizer.clip_norm)
    match optimizer.name, optimizer.weight_decay:
        case OptimizerName.adamw, None:
            yield "optimizer.weight_decay must be a number when optimizer=adamw, got null. 0 switches it off."
        case OptimizerName.adamw, float(decay) if not 0.0 <= decay < math.inf:
            yield f"optimizer.weight_decay must be at least 0 and finite, got {decay}."
        case OptimizerName.adamw, float(decay):
            yield from _float32("optimizer.weight_decay", decay)
        case OptimizerName.adam, float(decay):
            yield f"optimizer.weight_decay must be null when optimizer=adam, got {decay}. Use optimizer=adamw."


def _training_problems(training: TrainingConfig) -> Iterator[str]:
    for field in (
        "epochs",
        "max_steps",
        "batch_size",
        "sequence_length",
        "early_stopping_patience",
        "validate_every_steps",
        "checkpoint_every_epochs",
        "checkpoint_every_steps",
        "keep_checkpoints",
    ):
        value = getattr(training, field)
        if value is not None:
            yield from _at_least(f"training.{field}", value, 1)
    if training.ema_decay is not None and not 0.0 < training.ema_decay < 1.0:
        yield f"training.ema_decay must be in (0, 1) or null, got {training.ema_decay}."


def _sampling_problems(sampling: SamplingConfig) -> Iterator[str]:
    yield from _between("sampling.length", sampling.length, 1, 10_000_000)
    yield from _between("sampling.num_samples", sampling.num_samples, 1, 10_000)
    if not 0.0 <= sampling.temperature < math.inf:
        yield f"sampling.temperature must be at least 0 (0 is greedy) and finite, got {sampling.temperature}."
    if sampling.top_k is not None:
        yield from _at_least("sampling.top_k", sampling.top_k, 1)
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
        for field in ("early_stopping_patience", "validate_every_steps"):
            value = getattr(config.training, field)
            if value is not None:
                yield (
                    f"training.{field} must be null when dataset.split=none (there is no validation text), "
                    f"got {value}. Use dataset.split=nanogpt."
                )


def redact(uri: str) -> str:
    """Return the address without the user and password it may hold.

    >>> redact("https://me:secret@host:5000/x")
    'https://host:5000/x'
    """
    return re.sub(r"(?<=://)\S*@", "", uri)


def hide_secrets(message: str) -> str:
    """Return the message without users and passwords in its addresses, nor what MLFLOW_TRACKING_* let a server in with.

    >>> hide_secrets("no answer from https://me:secret@host:5000/x")
    'no answer from https://host:5000/x'
    """
    message = redact(message)
    for secret in _find_secrets():
        message = message.replace(secret, "***")
    return message


def _find_secrets() -> Iterator[str]:
    """Yield what a server could repeat to us in an error: password, token, and how they are sent."""
    found = re.search(r"://([^\s:@]*):(\S*)@", os.environ.get("MLFLOW_TRACKING_URI", ""))
    user, password = (unquote(part) for part in found.groups()) if found else ("", "")
    pairs = [
        (user, password),
        (os.environ.get("MLFLOW_TRACKING_USERNAME", ""), os.environ.get("MLFLOW_TRACKING_PASSWORD", "")),
        ("", os.environ.get("MLFLOW_TRACKING_TOKEN", "")),
    ]
    for user, password in pairs:
        if password:
            yield from (base64.b64encode(f"{user}:{password}".encode()).decode(), password, quote(password, safe=""))


def _at_least(key: str, value: int, least: int) -> Iterator[str]:
    if not value >= least:
        yield f"{key} must be at least {least}, got {value}."


def _between(key: str, value: int, least: int, most: int) -> Iterator[str]:
    if not least <= value <= most:
        yield f"{key} must be in [{least}, {most}], got {value}."


def _positive(key: str, value: float) -> Iterator[str]:
    if not 0.0 < value < math.inf:
        yield f"{key} must be above 0 and finite, got {value}."
    else:
        yield from _float32(key, value)


def _float32(key: str, value: float) -> Iterator[str]:
    if not value <= LARGEST_FLOAT32:
        yield f"{key} must be at most {LARGEST_FLOAT32}, the largest 32-bit number, got {value}."
