"""Checks of the settings of the text."""

import codecs
import os
import re
import shlex
from collections.abc import Iterator

from charrnn_exp.config.checks.ranges import at_least
from charrnn_exp.config.choices import CHECKSUM_KINDS, Newlines, Source, Split, Unit
from charrnn_exp.config.schema import DatasetConfig
from charrnn_exp.config.secrets import redact
from charrnn_exp.config.urls import find_url_problem

TEXT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def find_dataset_problems(dataset: DatasetConfig) -> Iterator[str]:
    """Yield the problems of the settings of the text, one line each."""
    if not TEXT_NAME.fullmatch(dataset.name):
        yield (
            "dataset.name must be letters, digits, '.', '_' or '-' (at most 100, the first a letter or digit), got "
            f"{dataset.name!r}."
        )
    yield from _path_problems(dataset)
    yield from _network_problems(dataset)
    try:
        b"a".decode(dataset.encoding, errors="replace")
        codecs.getincrementaldecoder(dataset.encoding)
    except (LookupError, ValueError):
        yield f"dataset.encoding must be a text encoding of Python (utf-8, latin-1, cp1252), got {dataset.encoding!r}."
    yield from _newline_problems(dataset)
    if dataset.max_bytes is not None:
        yield from at_least("dataset.max_bytes", dataset.max_bytes, 1)
    yield from _split_problems(dataset)


def _path_problems(dataset: DatasetConfig) -> Iterator[str]:
    if dataset.source is Source.file and not dataset.path:
        got = "null" if dataset.path is None else repr(dataset.path)
        way = "For the file of that name: dataset.path=./null" if os.path.lexists("null") else "Set dataset.path=FILE."
        yield f"dataset.path must be the path of a text file when dataset=file, got {got}. {way}"
    if dataset.source is not Source.file and dataset.path is not None:
        words = dataset.path if isinstance(dataset.path, str) else f"[{','.join(dataset.path)}]"
        yield (
            f"dataset.path must be null when dataset={dataset.name}, got {dataset.path!r}. "
            f"Use dataset=file {shlex.quote(f'dataset.path={words}')}"
        )
    for field in ("val_path", "test_path"):
        given = getattr(dataset, field)
        if given is not None and dataset.split is not Split.files:
            yield (
                f"dataset.{field} must be null when dataset.split={dataset.split.name}, got {given!r}. "
                "Use dataset.split=files."
            )
        elif given is not None and not given:
            yield f"dataset.{field} must be the path of a text file or null, got {given!r}."
    if dataset.split is Split.files and dataset.source is not Source.file:
        yield f"dataset.source must be file when dataset.split=files, got {dataset.source.name}. Use dataset=file."
    if dataset.split is Split.files and dataset.val_path is None:
        yield "dataset.val_path must be the path of a text file when dataset.split=files, got null."


def _newline_problems(dataset: DatasetConfig) -> Iterator[str]:
    """Of bytes: those of a line feed may be part of any character of these encodings."""
    is_wide = dataset.encoding.lower().replace("_", "-").startswith(("utf-16", "utf-32", "utf16", "utf32"))
    if dataset.unit is Unit.byte and dataset.newlines is not Newlines.keep and is_wide:
        yield (
            f"dataset.newlines must be keep when dataset.unit=byte and dataset.encoding={dataset.encoding}, "
            f"got {dataset.newlines.name}."
        )
    if dataset.unit is Unit.byte and dataset.lines and is_wide:
        yield (
            f"dataset.lines must be false when dataset.unit=byte and dataset.encoding={dataset.encoding}, got true. "
            "Use dataset.unit=char."
        )


def _network_problems(dataset: DatasetConfig) -> Iterator[str]:
    if dataset.source is not Source.network:
        for field, off in (("urls", []), ("num_bytes", None), ("checksum", None), ("member", None)):
            if (value := getattr(dataset, field)) != off:
                shown = "[]" if off == [] else "null"
                yield f"dataset.{field} must be {shown} when dataset.source={dataset.source.name}, got {value!r}."
        return
    if not dataset.urls:
        yield "dataset.urls must be at least one address when dataset.source=network, got []."
    for url in dataset.urls:
        if rule := find_url_problem(url):
            yield f"dataset.urls must each be {rule}, got {redact(url)!r}."
    if dataset.num_bytes is None:
        yield "dataset.num_bytes must be a number when dataset.source=network, got null: the size of the text."
    else:
        yield from at_least("dataset.num_bytes", dataset.num_bytes, 1)
    kind, _, digest = (dataset.checksum or "").partition(":")
    if not re.fullmatch(f"[0-9a-f]{{{CHECKSUM_KINDS.get(kind, 1)}}}", digest) or kind not in CHECKSUM_KINDS:
        known = ", ".join(f"{kind}: and {length} digits" for kind, length in CHECKSUM_KINDS.items())
        got = "null" if dataset.checksum is None else repr(dataset.checksum[:100])
        yield f"dataset.checksum must be one of ({known}) in lower case when dataset.source=network, got {got}."
    if dataset.member == "":
        yield "dataset.member must hold at least one character, got ''. null: the addresses have the text itself."


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
