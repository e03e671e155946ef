"""The tree of settings on the terminal: all that is on, nothing that is off, no line too long."""

from collections.abc import Callable

from charrnn_exp.config.reading import flatten, to_values
from charrnn_exp.config.schema import Config
from charrnn_exp.views.settings import WIDTH, format_settings


def test_every_setting_that_is_on_stands_in_the_tree_of_its_group(compose: Callable[..., Config]) -> None:
    values = to_values(compose())
    tree = format_settings(values)
    branches = tree.replace("\n|  ", " ").replace("\n   ", " ").splitlines()
    assert [branch[3:].split()[0] for branch in branches[2:]] == [
        group for group in values if isinstance(values[group], dict)
    ]
    for key, value in flatten(values).items():
        group, _, name = key.rpartition(".")
        (branch,) = [line for line in branches[1:] if line[3:].startswith(group or "name=")]
        is_off = value is None or value is False or value in ({}, [])
        assert (f" {name}=" in " " + branch[3:]) != is_off, key


def test_no_line_is_longer_than_the_page_unless_a_value_is(compose: Callable[..., Config]) -> None:
    assert all(len(line) <= WIDTH for line in format_settings(to_values(compose())).splitlines())


def test_a_text_that_is_no_word_is_quoted() -> None:
    tree = format_settings({"sampling": {"prompt": "to be,\nor", "prompt_file": "", "x": "word", "empty": []}})
    assert tree == "settings\n`- sampling  prompt='to be,\\nor' prompt_file='' x=word"


def test_a_text_that_could_command_the_terminal_is_escaped() -> None:
    assert format_settings({"sampling": {"prompt": "\x1b[2J"}}).endswith("prompt='\\x1b[2J'")


def test_values_stand_as_they_would_be_typed() -> None:
    assert format_settings({"a": {"b": True, "c": ["x", "y"]}}) == "settings\n`- a         b=true c=[x,y]"
