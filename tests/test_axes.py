"""The letters at the end of an array's name: one legend, in the docstring of the package, for all modules."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import charrnn_exp
from charrnn_exp.config.overrides import list_settings

PACKAGE = Path(charrnn_exp.__file__).parent
EXAMPLES = Path(__file__).parents[1] / "examples"
LEGEND = dict(re.findall(r"^    ([a-z])   (.+)$", charrnn_exp.__doc__ or "", re.MULTILINE))
MODULES = {
    str(path.relative_to(folder)): path for folder in (PACKAGE, EXAMPLES) for path in sorted(folder.rglob("*.py"))
}

NAMES = {key.rpartition(".")[2] for key in list_settings()} | {"top_a", "mem_gb"}
"""Names of settings, also of the examples and of launchers; their last letters are no axes."""
WORDS = {"as", "at", "id", "of", "ok", "to", "up"} | {
    *(
        "base",
        "best",
        "help",
        "last",
        "math",
        "mean",
        "name",
        "new",
        "path",
        "plan",
        "seen",
        "step",
        "sum",
        "tags",
        "was",
    ),
    *("cfg", "npz", "rng", "str"),
}
"""Last words of names that could be read as axes: spelled with letters of the legend, or without a vowel."""


def find_axes(name: str) -> str | None:
    """Return the axes that a name ends in; None: it ends in a word."""
    match = re.fullmatch(r"_*[a-z]\w*?_([a-z0-9]{1,4})", name)
    if match is None or name in NAMES or match[1] in WORDS:
        return None
    end, letters = match[1], re.sub("[0-9]", "", match[1])
    is_distinct = len(set(letters)) == len(letters) > 0
    is_spelled = len(letters) > 2 and set(letters) & set("aeiouy") and not set(letters) <= set(LEGEND)
    return end if is_distinct and not is_spelled else None


def list_arrays(tree: ast.Module) -> Iterator[str]:
    """Yield the names that a module gives: to variables, attributes and arguments."""
    for node in ast.walk(tree):
        match node:
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name


def read_axes_line(docstring: str) -> dict[str, str]:
    """Return the meanings that the docstring of a module gives to letters."""
    match = re.search(r"Axes: ([^.]+)\.", docstring)
    if match is None:
        return {}
    plain = re.sub(r" \([^)]*\)", "", " ".join(match[1].split()))
    return dict(re.fullmatch(r"([a-z]) (.+)", item).groups() for item in plain.split(", "))  # type: ignore[union-attr, misc]


@pytest.mark.parametrize(
    ("name", "axes"),
    [
        *(("ids_bt", "bt"), ("logits_btv", "btv"), ("scale_m1", "m1"), ("z_4hb", "4hb"), ("d_z_zb", "zb")),
        *(("ids_bx", "bx"), ("ids_bdt", "bdt"), ("_sums_g", "g"), ("counts_c", "c")),
        *(("top_k", None), ("run_id", None), ("hidden_size", None), ("best_step", None), ("num_runs", None)),
    ],
)
def test_axes_are_told_from_words(name: str, axes: str | None) -> None:
    assert find_axes(name) == axes


def test_the_legend_has_every_letter_once() -> None:
    letters = re.findall(r"^    ([a-z])   ", charrnn_exp.__doc__ or "", re.MULTILINE)
    assert letters == sorted(set(letters))
    assert len(letters) >= 10
    assert len(set(LEGEND.values())) == len(LEGEND)


@pytest.mark.parametrize("module", MODULES)
def test_every_array_ends_in_letters_of_the_legend_that_its_module_names(module: str) -> None:
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    found = {name: axes for name in list_arrays(tree) if (axes := find_axes(name)) is not None}
    foreign = {name for name, axes in found.items() if set(re.sub("[0-9]", "", axes)) - set(LEGEND)}
    assert not foreign, f"no axes of the legend: {sorted(foreign)}"
    named = read_axes_line(ast.get_docstring(tree) or "")
    assert named.items() <= LEGEND.items(), "a letter has another meaning in the legend"
    missing = {letter for axes in found.values() for letter in axes if letter.isalpha()} - set(named)
    assert not missing, f"letters that the line 'Axes:' lacks: {sorted(missing)}"
