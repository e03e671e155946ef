"""Registries: own options by their files, those of packages by their entry points, and settings by their kind."""

from pathlib import Path
from typing import Any

import pytest

from charrnn_exp.config.checks.extra import find_cell_problems
from charrnn_exp.errors import UserError
from charrnn_exp.options import Registry, Setting, read_settings
from tests.plugins import install

GROUP = "test_only.cells"
CODE = """\
from dataclasses import dataclass
from charrnn_exp.options import Setting
from tests.test_options import Thing

LEAK = Setting(name="leak", meaning="How much stays.", kind=float, default=0.5,
               find_problem=lambda leak: None if 0.0 < leak < 1.0 else "in (0, 1)", valid=(0.5,), invalid=(0.0,))
THING = Thing("leaky", (LEAK,))
"""


class Thing:
    """A declaration with settings of its own."""

    def __init__(self, name: str, settings: tuple[Setting, ...] = ()) -> None:
        self.name, self.settings = name, settings


@pytest.fixture
def things(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry[Any]:
    """Two of our own, in files beside one that declares nothing and cannot be imported; two of a package."""
    folder = tmp_path / "own_things"
    folder.mkdir()
    (folder / "__init__.py").touch()
    for name in ("zigzag", "arrow"):
        (folder / f"{name}.py").write_text(f"from tests.test_options import Thing\n\nTHING = Thing({name!r})\n")
    (folder / "helper.py").write_text("raise ImportError('must not be imported')\n")
    offers = {GROUP: {"leaky": "leaky_thing:THING", "Up-per": "leaky_thing:THING", "gone": "no_such_module:THING"}}
    install(tmp_path, "leaky-things", "2.1", offers=offers, code={"leaky_thing": CODE})
    monkeypatch.syspath_prepend(str(tmp_path))
    return Registry("own_things", "THING", Thing, GROUP)


def test_own_options_are_the_modules_that_declare_one_and_no_other_is_imported(things: Registry[Any]) -> None:
    assert list(things.built_in) == ["arrow", "zigzag"]
    assert things.list_names() == ["arrow", "zigzag", "Up-per", "gone", "leaky"]


def test_an_offered_option_is_found_with_its_package(things: Registry[Any]) -> None:
    assert things.find("leaky").settings[0].name == "leak"
    assert str(things.find_origin("leaky")) == "leaky-things 2.1"
    assert things.find_origin("arrow") is things.find_origin("nothing") is None
    assert set(things.find_problems()) == {"Up-per", "gone"}
    with pytest.raises(UserError, match=r"'nothing' must be offered by an installed package, got none in test_only"):
        things.find("nothing")


def test_a_group_that_nobody_offers_is_empty() -> None:
    assert Registry("charrnn_exp.sampling.filters", "FILTER", Thing, "test_only.nothing").list_offered() == []


def find_lines(things: Registry[Any], cell: str, extra: dict[str, Any]) -> list[str]:
    return list(find_cell_problems(cell, extra, things, prefix="model.extra."))


def test_the_settings_of_a_chosen_option_are_checked_by_its_declaration(things: Registry[Any]) -> None:
    assert find_lines(things, "leaky", {}) == find_lines(things, "leaky", {"leaky": {"leak": 0.25}}) == []
    assert find_lines(things, "leaky", {"leaky": {"leak": 1}}) == ["model.extra.leaky.leak must be in (0, 1), got 1.0."]
    for value, shown in ((None, "null"), ("x", "'x'"), (True, "True")):
        lines = find_lines(things, "leaky", {"leaky": {"leak": value}})
        assert lines == [f"model.extra.leaky.leak must be a number, got {shown}."]
    assert find_lines(things, "leaky", {"leaky": {"leek": 1}}) == [
        "unknown setting 'model.extra.leaky.leek' - did you mean model.extra.leaky.leak?"
    ]
    assert find_lines(things, "leaky", {"leaky": 3}) == ["model.extra.leaky must be a group of settings, got 3."]


def test_settings_of_an_option_that_is_not_chosen_are_a_mistake(things: Registry[Any]) -> None:
    assert find_lines(things, "arrow", {"leaky": {"leak": 0.5}}) == [
        "model.extra.leaky must be left out when model.cell=arrow, got {'leak': 0.5}. Use model.cell=leaky."
    ]
    (line,) = find_lines(things, "arrow", {"leakky": {"leak": 0.5}})
    assert line == "unknown setting 'model.extra.leakky' - did you mean model.extra.leaky?"
    assert find_lines(things, "arrow", {"leaky": None}) == []


def test_a_chosen_option_that_cannot_be_loaded_is_one_line_with_its_package(things: Registry[Any]) -> None:
    (line,) = find_lines(things, "gone", {})
    assert line.startswith("model.cell=gone of leaky-things 2.1 must be loadable, got ModuleNotFoundError: ")


def test_settings_have_their_defaults_where_nothing_is_set(things: Registry[Any]) -> None:
    settings = things.find("leaky").settings
    assert read_settings(settings, {}) == {"leak": 0.5}
    assert read_settings(settings, {"leak": 1}) == {"leak": 1.0}


def test_a_value_of_another_kind_is_none() -> None:
    setting = Setting(name="n", meaning="A number.", kind=int, find_problem=lambda n: None, valid=(1,), invalid=())
    assert setting.read(3) == 3
    for value in (True, 1.0, "1", None, [1]):
        with pytest.raises(ValueError, match="not of type int"):
            setting.read(value)
