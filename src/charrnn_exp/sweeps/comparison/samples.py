"""The sample of a run, as the page shows it."""

from contextlib import suppress
from pathlib import Path

from charrnn_exp.config.choices import Unit
from charrnn_exp.sweeps.comparison.entries import Entry, is_inside

MAX_CHARACTERS = 1_500
MAX_BYTES = 8 * MAX_CHARACTERS


def read_sample(entry: Entry) -> str:
    """Return the beginning of the newest sample of a run; "" where it has none."""
    name, samples = entry.summary.sample, entry.folder.samples
    is_of_bytes = entry.settings.get("dataset.unit") == Unit.byte.name
    encoding = str(entry.settings.get("dataset.encoding")) if is_of_bytes else "utf-8"
    with suppress(OSError, ValueError, LookupError):  # a name that no file system has, an encoding that nobody knows
        path = samples / Path(name or "").name
        if name and is_inside(path, entry.folder):
            with path.open("rb") as file:
                text = file.read(MAX_BYTES).decode(encoding, errors="replace")
            return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]} ..."
    return ""
