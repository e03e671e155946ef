"""Plain values become typed settings and plain values again; whatever is ill-typed is told, all of it."""

import copy
import math
from dataclasses import fields, is_dataclass
from enum import EnumType
from pathlib import Path
from typing import Any

import pytest

from charrnn_exp.config.overrides import list_settings, parse_override
from charrnn_exp.config.reading import flatten, merge_overrides, read_config, read_yaml, to_values, write_yaml
from charrnn_exp.config.schema import Config, OptimizerName
from charrnn_exp.errors import UserError
from tests.config.conftest import change
from tests.config.test_checks import KINDS

REMOVED = object()


def place(config: Config, key: str, value: Any) -> dict[str, Any]:
    """Return the plain values with one of them changed, or removed."""
    values = to_values(config)
    group, _, name = key.rpartition(".")
    section = values[group] if group else values
    if value is REMOVED:
        del section[name]
    else:
        section[name] = value
    return values


def read_lines(values: Any, fallback: Any = None) -> list[str]:
    with pytest.raises(UserError) as caught:
        read_config(values, fallback=fallback)
    return caught.value.lines


def of_kind(*wanted: Any) -> list[str]:
    return [key for key, kind in KINDS.items() if kind in wanted]


def test_settings_survive_the_way_to_plain_values_and_back(defaults: Config) -> None:
    values = to_values(defaults)
    assert read_config(values) == defaults
    assert to_values(read_config(values)) == values


def test_plain_values_hold_nothing_but_what_yaml_holds(defaults: Config) -> None:
    for key, value in flatten(to_values(defaults)).items():
        assert type(value) in (str, int, float, bool, type(None), dict), key
    assert to_values(defaults)["optimizer"]["name"] == "adamw"


def test_reading_does_not_edit_what_it_reads(defaults: Config) -> None:
    values = to_values(defaults)
    before = copy.deepcopy(values)
    read_config(values)
    merge_overrides(values, [parse_override("seed=3")])
    assert values == before


@pytest.mark.parametrize(
    "text",
    ["\n", "yes", "3", "1e3", "null", "~", "- a", "{a: b}", "#", " ", "a: b", "\r\n", "\t", "\0", "\x1b[31m", "\\", "'\"",
     "caf\u00e9", "\uac00\u202e", "\U0001f600", "a\u2028b", "\x85", "\ufeff", "$", "${", "${x}", "\\${x}", "a${b", "???"],
    ids=ascii,
)  # fmt: skip
def test_any_prompt_survives_the_run_folders_config(defaults: Config, tmp_path: Path, text: str) -> None:
    changed = change(defaults, {"sampling.prompt": text, "tracking.run_name": "x" + text})
    path = tmp_path / "config.yaml"
    path.write_bytes(write_yaml(to_values(changed)).encode("utf-8"))
    again = read_config(merge_overrides(read_yaml(path), []))
    assert again.sampling.prompt == text
    assert again.tracking.run_name == "x" + text
    assert again == changed


@pytest.mark.parametrize("value", [1e-300, 5e-324, 0.1, 1 / 3, 1.7976931348623157e308])
def test_every_bit_of_a_number_survives_the_run_folders_config(defaults: Config, tmp_path: Path, value: float) -> None:
    changed = change(defaults, {"optimizer.learning_rate": value})
    (tmp_path / "config.yaml").write_text(write_yaml(to_values(changed)))
    assert read_config(read_yaml(tmp_path / "config.yaml")).optimizer.learning_rate == value


@pytest.mark.parametrize("value", [True, False, 1.5, 1.0, math.nan, math.inf, "big", "1.5", "", [3], {"a": 3}])
@pytest.mark.parametrize("key", of_kind(int, int | None))
def test_a_whole_number_is_neither_a_bool_nor_a_fraction_nor_text(defaults: Config, key: str, value: Any) -> None:
    kind = "a whole number" if KINDS[key] is int else "a whole number or null"
    assert read_lines(place(defaults, key, value)) == [f"{key} must be {kind}, got {value!r}."]


@pytest.mark.parametrize("value", [True, False, "big", "", [0.5], {"a": 0.5}, pytest.param(10**400, id="huge")])
@pytest.mark.parametrize("key", of_kind(float, float | None))
def test_a_number_is_neither_a_bool_nor_text_nor_past_all_floats(defaults: Config, key: str, value: Any) -> None:
    (line,) = read_lines(place(defaults, key, value))
    assert line.startswith(f"{key} must be ")
    assert "number" in line or "finite" in line


@pytest.mark.parametrize("value", [0, 1, 1.0, "true", "yes", "on", "", None, [True]])
@pytest.mark.parametrize("key", of_kind(bool))
def test_true_or_false_is_neither_a_number_nor_a_word(defaults: Config, key: str, value: Any) -> None:
    shown = "null" if value is None else repr(value)
    assert read_lines(place(defaults, key, value)) == [f"{key} must be true or false, got {shown}."]


@pytest.mark.parametrize("key", [key for key, kind in KINDS.items() if isinstance(kind, EnumType)])
def test_an_option_is_one_of_the_names(defaults: Config, key: str) -> None:
    names = [option.name for option in KINDS[key]]
    for name in names:
        try:
            read_config(place(defaults, key, name))
        except UserError as error:
            assert not any(line.startswith(f"{key} must be one of") for line in error.lines)
    for value in ("qqq", names[0].upper() + "!", None, 0, True, [names[0]]):
        (line,) = read_lines(place(defaults, key, value))
        assert line.startswith(f"{key} must be one of {', '.join(names)}, got ")


def test_an_option_that_is_nearly_right_is_answered_with_the_right_one(defaults: Config) -> None:
    (line,) = read_lines(place(defaults, "optimizer.name", "adamm"))
    assert line.endswith("got 'adamm' - did you mean adam?")


@pytest.mark.parametrize("key", of_kind(str, str | None))
@pytest.mark.parametrize("value", [["a"], {"a": "b"}])
def test_text_is_not_a_list_or_a_group(defaults: Config, key: str, value: Any) -> None:
    (line,) = read_lines(place(defaults, key, value))
    assert line.startswith(f"{key} must be text")


@pytest.mark.parametrize("value", [None, "a", 3, ["a"], {"a": {"b": "c"}}, {"a": ["b"]}, {"a": None}])
def test_tags_are_text_by_name(defaults: Config, value: Any) -> None:
    (line,) = read_lines(place(defaults, "tracking.tags", value))
    assert line.startswith("tracking.tags must be text by name, got ")


@pytest.mark.parametrize("key", [key for key, kind in KINDS.items() if kind in (int, float, str)])
def test_null_is_wrong_where_a_value_is_needed(defaults: Config, key: str) -> None:
    (line,) = read_lines(place(defaults, key, None))
    assert line.startswith(f"{key} must be ")
    assert line.endswith(", got null.")


def test_a_whole_number_is_a_number(defaults: Config) -> None:
    rate = read_config(place(defaults, "optimizer.learning_rate", 1)).optimizer.learning_rate
    assert rate == 1.0
    assert type(rate) is float


@pytest.mark.parametrize("key", list_settings())
def test_a_setting_that_is_missing_is_named(defaults: Config, key: str) -> None:
    lines = read_lines(place(defaults, key, REMOVED))
    assert lines == [f"{key} must be set, got nothing. Its values stand in conf/."]
    assert read_lines(place(defaults, key, REMOVED), to_values(defaults)) == lines


@pytest.mark.parametrize("group", [field.name for field in fields(Config) if is_dataclass(field.type)])
def test_a_group_that_is_missing_or_no_group_is_one_line(defaults: Config, group: str) -> None:
    values = to_values(defaults)
    for value in (3, None, [1], "a"):
        (line,) = read_lines(values | {group: value}, values)
        assert line.startswith(f"{group} must be a group of settings, got ")
    (line,) = read_lines({key: value for key, value in values.items() if key != group}, values)
    assert line.startswith(f"{group} must be set, got nothing.")


@pytest.mark.parametrize(
    ("key", "hint"),
    [("model.hiden_size", " - did you mean model.hidden_size?"), ("qqqqq", "."), ("sed", " - did you mean seed?")],
)
def test_a_setting_of_a_file_that_nobody_knows_is_named_with_the_nearest(defaults: Config, key: str, hint: str) -> None:
    assert read_lines(place(defaults, key, 3)) == [f"unknown setting {key!r}{hint}"]


def test_without_a_fallback_the_ranges_wait_for_the_types(defaults: Config) -> None:
    values = place(defaults, "model.hidden_size", 1.5) | {"seed": -1}
    assert read_lines(values) == ["model.hidden_size must be a whole number, got 1.5."]


def test_with_a_fallback_types_and_ranges_are_told_together(defaults: Config) -> None:
    values = place(defaults, "model.hidden_size", 1.5) | {"seed": -1, "qqqqq": 3}
    values["optimizer"]["learning_rate"] = math.nan
    values["training"]["shuffle"] = "yes"
    assert sorted(read_lines(values, to_values(defaults))) == sorted(
        [
            "unknown setting 'qqqqq'.",
            "model.hidden_size must be a whole number, got 1.5.",
            "training.shuffle must be true or false, got 'yes'.",
            "seed must be in [0, 2147483647], got -1.",
            "optimizer.learning_rate must be above 0 and finite, got nan.",
        ]
    )


def test_flattened_values_are_found_by_their_path() -> None:
    values = {"a": 1, "b": {"c": {"d": 2}, "e": {}}, "f": [{"g": 3}]}
    assert flatten(values) == {"a": 1, "b.c.d": 2, "b.e": {}, "f": [{"g": 3}]}


def test_overrides_take_their_place_and_leave_the_rest(defaults: Config) -> None:
    words = ["training.epochs=7", "optimizer.name=adam", "optimizer.weight_decay=null", "++tracking.tags.team=a b"]
    merged = merge_overrides(to_values(defaults), [parse_override(word) for word in words])
    expected = to_values(defaults)
    expected["training"]["epochs"] = 7
    expected["optimizer"] |= {"name": "adam", "weight_decay": None}
    expected["tracking"]["tags"] = {"team": "a b"}
    assert merged == expected
    assert read_config(merged).optimizer.name is OptimizerName.adam


def test_overrides_of_tags_add_to_those_of_the_run(defaults: Config) -> None:
    values = place(defaults, "tracking.tags", {"a": "1", "b": "2"})
    merged = merge_overrides(values, [parse_override("++tracking.tags.b=3"), parse_override("++tracking.tags.c=4")])
    assert merged["tracking"]["tags"] == {"a": "1", "b": 3, "c": 4}
    assert read_config(merged).tracking.tags == {"a": "1", "b": "3", "c": "4"}


@pytest.mark.parametrize("text", ["a: [1", "a: b: c", "\t", "- 1", "a: 1\na: 2", "3"])
def test_a_file_that_is_no_yaml_of_settings_is_refused_with_its_path(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_yaml(path)
    (line,) = caught.value.lines
    assert line.startswith(f"{path.resolve()} must ")
    assert len(line.splitlines()) == 1


def test_a_file_that_cannot_be_read_is_refused_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"name: caf\xe9\n")
    (tmp_path / "folder.yaml").mkdir()
    for name in ("latin.yaml", "folder.yaml", "missing.yaml"):
        with pytest.raises(UserError) as caught:
            read_yaml(tmp_path / name)
        (line,) = caught.value.lines
        assert line.startswith(f"{(tmp_path / name).resolve()} must be a readable YAML file of settings, got ")


@pytest.mark.parametrize(
    "tag",
    ["!!python/object/apply:os.mkdir [CANARY]", "!!python/object/new:os.mkdir [CANARY]", "!!python/name:os.mkdir"],
)
def test_a_yaml_tag_runs_no_code(tmp_path: Path, tag: str) -> None:
    canary = tmp_path / "canary"
    path = tmp_path / "config.yaml"
    path.write_text(f"name: {tag.replace('CANARY', str(canary))}\n")
    with pytest.raises(UserError):
        read_yaml(path)
    assert not canary.exists()
