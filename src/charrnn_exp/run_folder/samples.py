"""Samples as they lie in the run folder."""

from pathlib import Path

SEPARATOR = "\n\n=== next sample ===\n\n"
"""Between the samples of one file."""


def read_samples(folder: Path) -> dict[int, list[str]]:
    """Return the samples of a folder by their step, in its order."""
    found = {}
    for path in folder.glob("step_*.txt"):
        text = path.read_bytes().decode("utf-8", errors="replace")
        found[int(path.stem.removeprefix("step_"))] = text.removesuffix("\n").split(SEPARATOR)
    return dict(sorted(found.items()))
