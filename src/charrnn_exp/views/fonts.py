"""Fonts for titles in any script: those of the machine that have the characters."""

from typing import Any

DEFAULT = "DejaVu Sans"
"""The font that matplotlib brings along: Latin, Greek, Cyrillic, Arabic, Hebrew and more."""
PLACEHOLDERS = "Last Resort"
"""A font of matplotlib's that has a box for each character."""


def find_fonts(text: str) -> tuple[list[str], str]:
    """Return the names of fonts that together have the characters of a text, and the characters that none has.

    Args:
        text: of a title.
    """
    from matplotlib import font_manager

    missing = {c for c in text if c.isprintable() and not c.isspace()}
    missing -= _list_characters(font_manager.findfont(DEFAULT), missing)
    names = [DEFAULT]
    if not missing:
        return names, ""
    real = [entry for entry in font_manager.fontManager.ttflist if PLACEHOLDERS not in entry.name]
    for entry in sorted(real, key=_rank):
        if found := _list_characters(entry.fname, missing) if entry.name not in names else set():
            names.append(entry.name)
            missing -= found
        if not missing:
            break
    return names, "".join(sorted(missing))


def _list_characters(path: str, wanted: set[str]) -> set[str]:
    """Return the wanted characters that a font file has; a file that cannot be read has none."""
    from matplotlib.ft2font import FT2Font

    try:
        known = FT2Font(path).get_charmap()
    except (OSError, RuntimeError, ValueError):
        return set()
    return {c for c in wanted if ord(c) in known}


def _rank(entry: Any) -> tuple[bool, str, str]:
    """Order fonts: upright ones of regular weight first, then by name."""
    return entry.style != "normal" or entry.weight not in (400, "normal"), entry.name, entry.fname
