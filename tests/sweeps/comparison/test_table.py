"""The table of a comparison, and the same for other programs."""

import csv
import io
import json
from pathlib import Path

import pytest

from charrnn_exp.sweeps.comparison.comparison import Comparison, compare_runs
from charrnn_exp.sweeps.comparison.formats import format_csv, format_json, format_latex, format_markdown
from charrnn_exp.sweeps.comparison.table import format_comparison
from tests.sweeps.comparison.runs import SWEEP, Made, make_run, make_sweep

GOLDEN = """\
stdlib, unit char, split nanogpt: 4 runs, 2 variants, by validation loss (nats per character)
variant  hidden_size  val_loss   +- sd  n  test_loss  parameters  chars/s    time          to 1.7  best run
A                 32    1.6100  0.0141  2     1.7000       1,234    5,678  12.5 s           2.0 s  SWEEP/2
B                 16    1.7500  0.0707  2          -           -        -       -  1.0 s (1 of 2)  SWEEP/0
A (seed 1) reads this text better than A (seed 2) by 0.0200 +- 0.0009 (p < 0.0001).
A (seed 1) reads this text better than B (seed 1) by 0.1000 +- 0.0008 (p < 0.0001).
A (seed 1) reads this text better than B (seed 2) by 0.2000 +- 0.0009 (p < 0.0001).
A (seed 2) reads this text better than B (seed 1) by 0.0800 +- 0.0006 (p < 0.0001).
A (seed 2) reads this text better than B (seed 2) by 0.1800 +- 0.0008 (p < 0.0001).
B (seed 1) reads this text better than B (seed 2) by 0.1000 +- 0.0009 (p < 0.0001).
Models: all runs, paired over the 30 blocks of the validation text, +- one standard error; p corrected for 6 \
comparisons (Holm).
The settings of A (n=2) and B (n=2): no difference shown over their seeds (0.1400 +- 0.0510, p = 0.2072).
Settings: Welch's t over seeds, +- one standard error.

not ranked:
  failed
    failed at step 10: its run.log does not say why"""


@pytest.fixture
def comparison() -> Comparison:
    """Two sizes with two seeds each, and a run that failed."""
    runs = make_sweep({16: [1.7, 1.8], 32: [1.6, 1.62]})
    for run in runs[2:]:
        more = {"test_loss": 1.7, "num_parameters": 1234, "chars_per_second": 5678.0, "seconds": 12.5}
        run.summary.write_text(json.dumps(json.loads(run.summary.read_text()) | more))
    for run, speed in zip(runs, (256.0, 256.0, 128.0, 128.0), strict=True):
        characters = 64 * 64
        rows = [
            {"step": 1, "train_loss": 3.0},
            {"step": 2, "train_loss": 3.0, "chars_per_second": speed * characters / 256},
            {"step": 2, "val_loss": run.read_summary().val_loss},
        ]
        run.metrics.write_text("".join(json.dumps(row) + "\n" for row in rows))
    make_run(Path("failed"), Made(summary={"status": "FAILED", "val_loss": None}))
    return compare_runs(f"{SWEEP},failed", loss=1.7)


def test_the_table_is_this(comparison: Comparison) -> None:
    assert format_comparison(comparison, None).replace(str(SWEEP), "SWEEP") == GOLDEN


@pytest.mark.parametrize("width", [40, 80, 120])
def test_on_a_terminal_no_line_is_wider_but_a_folder_and_what_is_left_out_is_named(
    comparison: Comparison, width: int
) -> None:
    lines = format_comparison(comparison, width).split("\n")
    assert all(len(line) <= width or line.strip().startswith("outputs/") for line in lines)
    assert any("val_loss" in line for line in lines)
    shown = " ".join(lines)
    assert all(name in shown for name in ("chars/s", "time", "hidden_size", "test_loss"))


def test_groups_are_announced_and_have_a_table_each() -> None:
    make_run(Path("a"), Made())
    make_run(Path("b"), Made(text="ef" * 32))
    text = format_comparison(compare_runs("a,b"), None)
    assert text.startswith(
        "2 groups: runs of different texts, units, splits or scoring rules are not ranked together.\n"
    )
    assert text.count("\nvariant ") == 2
    assert "sha256 abababababab" in text
    assert "sha256 efefefefefef" in text


def test_a_changed_run_is_marked_and_the_change_told() -> None:
    folder = make_run(Path("a"), Made())
    change = {"step": 5, "setting": "training.epochs", "old": 3, "new": 30}
    folder.changes.write_text(json.dumps({"changes": [change]}))
    lines = format_comparison(compare_runs("a"), None).split("\n")
    assert lines[2].startswith("A* ")
    assert lines[3] == "A* changed in its life: training.epochs 3 -> 30 after step 5"


def test_csv_has_all_digits_and_the_runs_that_are_not_ranked(comparison: Comparison) -> None:
    rows = list(csv.DictReader(io.StringIO(format_csv(comparison))))
    assert [row["variant"] for row in rows] == ["A", "B", ""]
    assert float(rows[0]["val_loss"]) == (1.6 + 1.62) / 2
    assert rows[0]["model.hidden_size"] == "32"
    assert (rows[1]["seconds_to_1.7"], rows[1]["num_reached"]) == ("1.0", "1")
    assert rows[2]["not_ranked_because"].startswith("failed at step 10")


def test_json_has_every_verdict_and_run(comparison: Comparison) -> None:
    found = json.loads(format_json(comparison))
    (group,) = found["groups"]
    assert [variant["settings"] for variant in group["variants"]] == [
        {"model.hidden_size": 32},
        {"model.hidden_size": 16},
    ]
    assert [run["seed"] for run in group["variants"][0]["runs"]] == [1, 2]
    assert [[each["is_found"] for each in answer["verdicts"]] for answer in group["answers"]] == [[True] * 6, [False]]
    assert found["not_ranked"][0]["status"] == "FAILED"


def test_markdown_and_latex_have_a_row_for_each_variant_with_as_many_cells_as_the_header(
    comparison: Comparison,
) -> None:
    table = [line for line in format_markdown(comparison).splitlines() if line.startswith("| ")][:4]
    assert len({line.count("|") for line in table}) == 1
    latex = [line for line in format_latex(comparison).splitlines() if line.endswith(r"\\")]
    assert len(latex) == 3
    assert len({line.count("&") for line in latex}) == 1
    assert r"hidden\_size" in latex[0]


HOSTILE = "=cmd|'x'!A1 </td><script>alert(1)</script> $\\input{x}$ `a` | b \x1b[2J\u202e"
ODD_KEY = "a\x1b[2J\n|<script>$b"


def test_no_text_of_a_run_becomes_a_command_of_the_program_that_shows_it() -> None:
    for name, word in (("a", HOSTILE), ("b", "b")):
        folder = make_run(Path(name), Made())
        odd = f"  odd: {json.dumps(word)}\n  {json.dumps(ODD_KEY)}: {json.dumps(word)}\n"
        settings = folder.config.read_text().replace("model:\n", f"model:\n{odd}")
        folder.config.write_text(settings)
    comparison = compare_runs("a,b")
    assert comparison.groups[0].keys == ("model.odd", f"model.{ODD_KEY}")
    for text in (format_comparison(comparison, 80), format_csv(comparison), format_markdown(comparison)):
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert "'=cmd" in format_csv(comparison)
    assert "<script" not in format_markdown(comparison)
    cells = [line for line in format_markdown(comparison).splitlines() if line.startswith(("| A", "| B"))]
    assert len({line.replace("\\|", "").count("|") for line in cells}) == 1
    latex = format_latex(comparison)
    assert "\\input" not in latex
    assert "$" not in latex.replace("\\$", "")
