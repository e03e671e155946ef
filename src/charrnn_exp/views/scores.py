"""The scores of texts as a table that is printed line by line."""

from collections.abc import Mapping
from typing import Any

COLUMNS = (
    ("nats/char", 10),
    ("bits/char", 10),
    ("perplexity", 11),
    ("accuracy", 9),
    ("std. error", 11),
    ("characters", 12),
)
"""Header and width of each column."""
DROPPED_FIRST = ("characters", "std. error", "perplexity", "accuracy", "bits/char")
"""Columns that give way on a narrow terminal."""
NAME_WIDTH = 5


def format_score_header(width: int | None = None) -> str:
    """Return the line above the scores.

    Args:
        width: columns of the terminal; None: no limit.
    """
    return _join("", {name: name for name, _ in COLUMNS}, width)


def format_scores(name: str, scores: Mapping[str, Any], width: int | None = None) -> str:
    """Return the line of one text below the header.

    Args:
        name: of the text, at most 5 characters.
        scores: named as in `Scores.as_dict`; an infinite perplexity is None.
        width: columns of the terminal; None: no limit.
    """
    perplexity, error = scores["perplexity"], scores["standard_error"]
    cells = {
        "nats/char": f"{scores['loss']:.4f}",
        "bits/char": f"{scores['bits_per_char']:.4f}",
        "perplexity": "-" if perplexity is None else f"{perplexity:,.3f}",
        "accuracy": f"{100 * scores['accuracy']:.2f} %",
        "std. error": "-" if error is None else f"{error:.4f}",
        "characters": f"{scores['num_characters']:,}",
    }
    return _join(name, cells, width)


def _join(name: str, cells: Mapping[str, str], width: int | None) -> str:
    columns, waiting = dict(COLUMNS), list(DROPPED_FIRST)
    while width is not None and waiting and NAME_WIDTH + sum(columns.values()) + len(columns) > width:
        del columns[waiting.pop(0)]
    return " ".join([name.ljust(NAME_WIDTH), *(cells[each].rjust(size) for each, size in columns.items())])
