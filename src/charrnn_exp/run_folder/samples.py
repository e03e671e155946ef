"""Samples of a run on disk."""

import re
from collections.abc import Callable
from pathlib import Path

from charrnn_exp.config.choices import Unit
from charrnn_exp.config.schema import DatasetConfig
from charrnn_exp.errors import one_line
from charrnn_exp.files import read_bytes

SEPARATOR = "\n\n=== next sample ===\n\n"
"""Text between two samples of a file; of a text that is a list of lines, each sample is a line."""
NAME = re.compile(r"step_([0-9]+)\.txt")
"""Name of a file of samples. A folder may hold others: copies, notes, and what a stranger put there."""


def list_samples(folder: Path) -> dict[int, Path]:
    """Return the files of samples of a folder by step, in ascending order."""
    named = ((NAME.fullmatch(path.name), path) for path in sorted(folder.glob("step_*.txt")))
    return dict(sorted((int(match[1]), path) for match, path in named if match is not None))


def read_samples(folder: Path, dataset: DatasetConfig, *, warn: Callable[[str], None]) -> dict[int, list[str]]:
    """Return the samples of a folder by step, in ascending order.

    Args:
        folder: of the samples of a run.
        dataset: of that run.
        warn: called with a line for each file that is left out: too large for a small file, or no regular one.
    """
    found = {}
    for step, path in list_samples(folder).items():
        try:
            found[step] = split_samples(read_bytes(path, follows_links=False), dataset)
        except (OSError, ValueError) as error:
            warn(f"{path} is left out: {one_line(error)}")
    return found


def join_samples(written: list[bytes], dataset: DatasetConfig) -> bytes:
    """Return the content of a file of samples."""
    return _find_separator(dataset).join(written) + b"\n"


def split_samples(content: bytes, dataset: DatasetConfig) -> list[str]:
    """Return the samples of the content of a file."""
    return [decode_sample(raw, dataset) for raw in content.removesuffix(b"\n").split(_find_separator(dataset))]


def decode_sample(raw: bytes, dataset: DatasetConfig) -> str:
    """Return a sample as text: that of a model of bytes in the encoding of its text, any other in UTF-8."""
    encoding = dataset.encoding if dataset.unit is Unit.byte else "utf-8"
    return raw.decode(encoding, errors="replace")


def _find_separator(dataset: DatasetConfig) -> bytes:
    return b"\n" if dataset.lines else SEPARATOR.encode()
