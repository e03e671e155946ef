"""The scores of texts as a table that is printed line by line, their details as tables, all of it as JSON."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from charrnn_exp.streams import escape_line, measure
from charrnn_exp.views.table import fit_columns

COLUMNS = (
    ("nats/char", 10),
    ("bits/char", 10),
    ("perplexity", 11),
    ("accuracy", 9),
    ("std. error", 11),
    ("characters", 12),
)
"""Header and width of each column."""
MORE_COLUMNS = (("top-5", 8), ("ppl/word", 9))
"""Those that `evaluate` has besides."""
DROPPED_FIRST = ("characters", "top-5", "ppl/word", "std. error", "perplexity", "accuracy", "bits/char")
"""Columns that give way on a narrow terminal."""
NAME_WIDTH = 5
MOST_SHOWN = 1e5
"""Largest perplexity that is shown with all its digits."""
MEASURES = {"loss": "nats/char", "accuracy": "accuracy", "top5_accuracy": "top-5", "confidence": "confidence"}
"""Headers of the details; each is followed by a column of its standard errors."""


def format_score_header(width: int | None = None, names: Sequence[str] | None = None) -> str:
    """Return the line above the scores.

    Args:
        width: columns of the terminal; None: no limit.
        names: of all texts of a table with `MORE_COLUMNS`; None: a table without.
    """
    return _join("", {name: name for name, _ in (*COLUMNS, *MORE_COLUMNS)}, width, names)


def format_scores(
    name: str, scores: Mapping[str, Any], width: int | None = None, names: Sequence[str] | None = None
) -> str:
    """Return the line of one text below the header.

    Args:
        name: of the text, at most 5 characters or one of the names.
        scores: named as in `Scores.as_dict`, or `Scores.list_all` with names; an infinite perplexity is None.
        width: columns of the terminal; None: no limit.
        names: as for the header.
    """
    perplexity, error = scores["perplexity"], scores["standard_error"]
    top, of_words = scores.get("top5_accuracy"), scores.get("word_perplexity")
    cells = {
        "nats/char": f"{scores['loss']:.4f}",
        "bits/char": f"{scores['bits_per_char']:.4f}",
        "perplexity": "-" if perplexity is None else f"{perplexity:,.3f}",
        "accuracy": f"{100 * scores['accuracy']:.2f} %",
        "std. error": "-" if error is None else f"{error:.4f}",
        "characters": f"{scores['num_characters']:,}",
        "top-5": "-" if top is None else f"{100 * top:.2f} %",
        "ppl/word": "-" if of_words is None else f"{of_words:,.1f}" if of_words < MOST_SHOWN else f"{of_words:.2e}",
    }
    return _join(name, cells, width, names)


def format_details(name: str, details: Mapping[str, Any], width: int | None = None) -> str:
    """Return the tables of the details of one text, with a line above each.

    Args:
        name: of the row that they belong to.
        details: as of `Details.as_dict`.
        width: columns of the terminal; None: no limit.
    """
    tables = {f"by {key}": rows for key, rows in details["by_group"].items() if key != "all"}
    total = details["by_group"]["all"][0]
    lines = []
    for title, rows in tables.items():
        lines += ["", f"{escape_line(name)}, {title}", _format_groups([*rows, total], total, width)]
    error = details["calibration_error"]
    told = "" if error["standard_error"] is None else f", standard error {error['standard_error']:.4f}"
    bins = [{"group": f"{each['low']:.2f}-{each['high']:.2f}", **each} for each in details["reliability"]]
    lines += ["", f"{escape_line(name)}, by largest probability: expected calibration error {error['value']:.4f}{told}"]
    return "\n".join([*lines, _format_groups(bins, total, width)])


def format_json(answers: Sequence[Mapping[str, Any]]) -> str:
    """Return all numbers of the answers as JSON; those that it lacks, an infinite perplexity, are null."""
    return json.dumps({"scores": _drop_infinite(list(answers))}, indent=2, allow_nan=False)


def _format_groups(rows: Sequence[Mapping[str, Any]], total: Mapping[str, Any], width: int | None) -> str:
    found = [name for name in MEASURES if name in rows[0]]
    header = ["", "characters", "share"]
    for name in found:
        header += [MEASURES[name], f"+- {MEASURES[name]}"]
    cells = []
    for row in rows:
        share = row["num_characters"] / total["num_characters"]
        line = [row["group"], f"{row['num_characters']:,}", _show(share, "%")]
        for name in found:
            unit = "" if name == "loss" else "%"
            line += [_show(row[name]["value"], unit), _show(row[name]["standard_error"], unit)]
        cells.append(line)
    dropped = ["characters", *(f"+- {MEASURES[name]}" for name in reversed(found)), "share"]
    dropped += [MEASURES[name] for name in reversed(found)][:-1]
    return fit_columns(header, cells, width, dropped_first=dropped)


def _show(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    return f"{100 * value:.2f} %" if unit == "%" else f"{value:.4f}"


def _drop_infinite(values: Any) -> Any:
    match values:
        case dict():
            return {key: _drop_infinite(value) for key, value in values.items()}
        case list() | tuple():
            return [_drop_infinite(value) for value in values]
        case float() if not math.isfinite(values):
            return None
        case _:
            return values


def _join(name: str, cells: Mapping[str, str], width: int | None, names: Sequence[str] | None) -> str:
    columns, waiting = dict(COLUMNS if names is None else (*COLUMNS, *MORE_COLUMNS)), list(DROPPED_FIRST)
    name_width = max([NAME_WIDTH, *(measure(escape_line(each)) for each in names or ())])
    while width is not None and waiting and name_width + sum(columns.values()) + len(columns) > width:
        columns.pop(waiting.pop(0), None)
    shown = escape_line(name)
    shown += " " * (name_width - measure(shown))
    return " ".join([shown, *(cells[each].rjust(size) for each, size in columns.items())])
