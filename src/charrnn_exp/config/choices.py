"""The named choices that settings offer."""

from enum import Enum
from typing import Any

from charrnn_exp.model.cells.registry import CELLS
from charrnn_exp.options import Registry

CHOICES_OF: dict[str, Registry[Any]] = {"model.cell": CELLS}
"""Settings whose choices are declarations, of ours or of installed packages; all others are the enums below."""


class Source(Enum):
    """The origin of the text."""

    stdlib = "stdlib"
    stdlib_names = "stdlib_names"
    file = "file"
    network = "network"


class Unit(Enum):
    """The unit of text that one symbol of the vocabulary stands for."""

    char = "char"
    byte = "byte"


class DecodingErrors(Enum):
    """The treatment of bytes that are not in the encoding of a text."""

    strict = "strict"
    replace = "replace"
    ignore = "ignore"


class Unknown(Enum):
    """The treatment of symbols that a vocabulary lacks."""

    refuse = "refuse"
    skip = "skip"


class Newlines(Enum):
    """The treatment of carriage returns."""

    keep = "keep"
    lf = "lf"


class Split(Enum):
    """A named protocol for the splits of a text; the split decides the number, so it is stored with every result."""

    nanogpt = "nanogpt"
    torchrnn = "torchrnn"
    tfds = "tfds"
    charrnn = "charrnn"
    karpathy2015 = "karpathy2015"
    fraction = "fraction"
    files = "files"
    none = "none"


class OptimizerName(Enum):
    """The rule that turns gradients into steps."""

    adam = "adam"
    adamw = "adamw"
    rmsprop = "rmsprop"
    sgd = "sgd"


class Schedule(Enum):
    """The course of the learning rate over the steps."""

    constant = "constant"
    cosine = "cosine"
    exponential = "exponential"
    step = "step"
    plateau = "plateau"


class Precision(Enum):
    """The number format of the matrix products; weights are always stored in float32."""

    auto = "auto"
    float32 = "float32"
    bfloat16 = "bfloat16"


class Backend(Enum):
    """The store that MLflow writes to."""

    local = "local"
    server = "server"
    none = "none"


class LogCheckpoints(Enum):
    """The checkpoints that go to MLflow as artifacts."""

    best = "best"
    all = "all"
    none = "none"
    each = "each"


CHECKSUM_KINDS = {"sha256": 64, "md5": 32, "git-blob": 40}
"""Kinds of checksum that pin a text, with the number of their hexadecimal digits."""

VIEWS = ("surprise", "cells", "attribution", "embedding", "growth", "card")
"""The kinds of pages of `tracking.views` and of the verb `view`."""


def list_choices(key: str, kind: Any) -> list[str]:
    """Return the names that a setting may have; none: its values are no names.

    Args:
        key: of the setting, dotted.
        kind: its type in the schema.
    """
    if key in CHOICES_OF:
        return CHOICES_OF[key].list_names()
    return [option.name for option in kind] if isinstance(kind, type) and issubclass(kind, Enum) else []
