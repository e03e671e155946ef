"""A comparison for other programs and papers: CSV, JSON, Markdown, LaTeX."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from charrnn_exp.streams import escape_line
from charrnn_exp.sweeps.comparison.comparison import NOT_RANKED, Comparison
from charrnn_exp.sweeps.comparison.groups import Group, Variant
from charrnn_exp.sweeps.comparison.statistics import Spread
from charrnn_exp.sweeps.comparison.table import FOLDER, describe_group, list_columns, list_notes
from charrnn_exp.sweeps.comparison.verdicts import Answer
from charrnn_exp.views.runs import show_value

MEASURES = ("test_loss", "num_parameters", "chars_per_second", "seconds")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Beginnings of cells that a spreadsheet would compute."""
LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
}  # fmt: skip


def format_csv(comparison: Comparison) -> str:
    """Return a line for each variant, with all digits, then one for each run that is not ranked."""
    keys = list(dict.fromkeys(_disarm(key) for group in comparison.groups for key in group.keys))
    reached = [] if comparison.loss is None else [f"seconds_to_{comparison.loss:g}", "num_reached"]
    header = [
        "group", "variant", *keys, "val_loss", "val_loss_deviation", "num_seeds", *MEASURES, *reached, "changed",
        "best_run", "not_ranked_because",
    ]  # fmt: skip
    with io.StringIO() as file:
        writer = csv.DictWriter(file, header, lineterminator="\n", restval="")
        writer.writeheader()
        for group in comparison.groups:
            for variant in group.variants:
                row = _describe(comparison, variant)
                settings = {_disarm(key): _disarm(show_value(value)) for key, value in variant.settings.items()}
                runs = {"group": _disarm(group.title), "best_run": _disarm(row["runs"][0]["folder"])}
                flat = {key: value for key, value in row.items() if key in header and value is not None}
                writer.writerow({**flat, **settings, **runs})
        for entry in comparison.unranked:
            folder, problem = _disarm(str(entry.folder.path)), _disarm(str(entry.problem))
            writer.writerow({"best_run": folder, "not_ranked_because": problem})
        return file.getvalue()


def format_json(comparison: Comparison) -> str:
    """Return all of the comparison: groups, their variants and runs, all verdicts, the runs that are not ranked."""
    return json.dumps(to_values(comparison), indent=2, allow_nan=False, default=str) + "\n"


def format_markdown(comparison: Comparison) -> str:
    """Return a table for each group, its answers, and the runs that are not ranked."""
    return "\n".join(_list_markdown(comparison)) + "\n"


def format_latex(comparison: Comparison) -> str:
    """Return a tabular for each group, for the package booktabs."""
    lines = []
    for group in comparison.groups:
        columns = {name: cells for name, cells in list_columns(comparison, group).items() if name != FOLDER}
        lines += [f"% {describe_group(group)}", r"\begin{tabular}{l" + "r" * (len(columns) - 1) + "}", r"\toprule"]
        lines += [" & ".join(_escape_latex(name) for name in columns) + r" \\", r"\midrule"]
        lines += [
            " & ".join(_escape_latex(cell) for cell in row) + r" \\" for row in zip(*columns.values(), strict=True)
        ]
        lines += [r"\bottomrule", r"\end{tabular}", ""]
    return "\n".join(lines)


def to_values(comparison: Comparison) -> dict[str, Any]:
    """Return the comparison as plain values."""
    return {
        "groups": [
            {
                "title": group.title,
                "settings_that_differ": list(group.keys),
                "variants": [
                    {"settings": dict(variant.settings)} | _describe(comparison, variant) for variant in group.variants
                ],
                "answers": list(map(_list_verdicts, answers)),
            }
            for group, answers in zip(comparison.groups, comparison.answers, strict=True)
        ],
        "not_ranked": [
            {"folder": str(entry.folder.path), "status": entry.overview.status, "reason": entry.problem}
            for entry in comparison.unranked
        ],
    }


def _list_verdicts(answer: Answer) -> dict[str, Any]:
    verdicts = [asdict(verdict) | {"is_found": verdict.is_found} for verdict in answer.verdicts]
    return asdict(answer) | {"verdicts": verdicts, "in_words": list(answer.tell())}


def _describe(comparison: Comparison, variant: Variant) -> dict[str, Any]:
    """Return the numbers of a variant with all digits, and its runs."""
    found: dict[str, Any] = {
        "variant": variant.letter,
        "val_loss": variant.loss.mean,
        "val_loss_deviation": variant.loss.deviation,
        "num_seeds": variant.loss.count,
        **{name: _mean(variant.measure(name)) for name in MEASURES},
        "changed": variant.is_changed,
    }
    if comparison.loss is not None:
        spread = comparison.find_seconds(variant)
        found[f"seconds_to_{comparison.loss:g}"] = _mean(spread)
        found["num_reached"] = 0 if spread is None else spread.count
    runs = [
        {
            "folder": str(run.folder.path),
            "seed": run.seed,
            "val_loss": run.loss,
            "test_loss": run.summary.test_loss,
            "changes": [str(change) for change in run.changes],
        }
        for run in variant.runs
    ]
    return {**found, "runs": runs}


def _list_markdown(comparison: Comparison) -> Iterator[str]:
    if len(comparison.groups) > 1:
        yield from (f"{len(comparison.groups)} groups: {NOT_RANKED}.", "")
    for group, answers in zip(comparison.groups, comparison.answers, strict=True):
        yield from _list_group(group, list_columns(comparison, group))
        yield from (f"- {_escape_markdown(note)}" for note in list_notes(group))
        for answer in answers:
            yield from (f"- {_escape_markdown(sentence)}" for sentence in answer.tell())
        yield ""
    if comparison.unranked:
        yield from ("| not ranked | reason |", "| --- | --- |")
        for entry in comparison.unranked:
            yield f"| {_escape_markdown(str(entry.folder.path))} | {_escape_markdown(str(entry.problem))} |"


def _list_group(group: Group, columns: Mapping[str, list[str]]) -> Iterator[str]:
    yield from (_escape_markdown(describe_group(group)), "")
    yield "| " + " | ".join(_escape_markdown(name) for name in columns) + " |"
    yield "|" + "|".join(" --- " if name in ("variant", FOLDER) else " ---: " for name in columns) + "|"
    for row in zip(*columns.values(), strict=True):
        yield "| " + " | ".join(_escape_markdown(cell) for cell in row) + " |"
    yield ""


def _mean(spread: Spread | None) -> float | None:
    return None if spread is None else spread.mean


def _disarm(cell: str) -> str:
    """Return a text that no spreadsheet computes."""
    shown = escape_line(cell)
    return f"'{shown}" if shown.startswith(FORMULA) else shown


def _escape_markdown(cell: str) -> str:
    shown = escape_line(cell).replace("&", "&amp;").replace("<", "&lt;")
    return "".join(f"\\{c}" if c in "\\|`*_[]" else c for c in shown)


def _escape_latex(cell: str) -> str:
    return "".join(LATEX.get(c, c) for c in cell)
