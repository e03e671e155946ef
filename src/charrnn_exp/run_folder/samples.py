"""Samples of a run on disk."""

from pathlib import Path

SEPARATOR = "\n\n=== next sample ===\n\n"
"""Text between two samples of a file."""


def read_samples(folder: Path) -> dict[int, list[str]]:
    """Return the samples of a folder by step, in ascending order."""
    found = {}
    for path in folder.glob("step_*.txt"):
        text = path.read_bytes().decode("utf-8", errors="replace")
        found[int(path.stem.removeprefix("step_"))] = text.removesuffix("\n").split(SEPARATOR)
    return dict(sorted(found.items()))
