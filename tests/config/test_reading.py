"""Plain values become typed settings and plain values again; whatever is ill-typed is told, all of it."""

import copy
import math
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from charrnn_exp.config.choices import CHOICES_OF, OptimizerName, list_choices
from charrnn_exp.config.overrides import parse_override
from charrnn_exp.config.reading import flatten, merge_overrides, read_config, read_yaml, to_values, write_yaml
from charrnn_exp.config.schema import Config
from charrnn_exp.config.words import write_words
from charrnn_exp.errors import UserError
from charrnn_exp.model.cells.registry import CELLS
from tests.config.checks.test_whole import KINDS
from tests.config.conftest import change

REMOVED = object()
CHOICES = {key: names for key, kind in KINDS.items() if (names := list_choices(key, kind))}
ODD_TEXTS = [
    "\n", "\r\n", "\t", " ", "\0", "\x1b[31m", "\x85", "\ufeff", "a\u2028b", "caf\u00e9", "\uac00\u202e", "\U0001f600",
    "yes", "3", "1e3", "null", "~", "- a", "{a: b}", "#", "a: b", "'\"", "\\",
    "$", "${", "${x}", "\\${x}", "a${b", "???",
]  # fmt: skip
"""What YAML or its readers might take for something else."""


def place(config: Config, key: str, value: Any) -> dict[str, Any]:
    """Return the plain values with one of them changed, or removed."""
    return place_all(config, [key], value)


def place_all(config: Config, keys: list[str], value: Any) -> dict[str, Any]:
    """Return the plain values with these of them changed, or removed."""
    values = to_values(config)
    for key in keys:
        group, _, name = key.rpartition(".")
        section = values[group] if group else values
        section[name] = value
        if value is REMOVED:
            del section[name]
    return values


def read_lines(values: Any, fallback: Any = None) -> list[str]:
    with pytest.raises(UserError) as caught:
        read_config(values, fallback=fallback)
    return caught.value.lines


def read_lines_of(config: Config, keys: list[str], value: Any) -> dict[str, str]:
    """Return what is wrong when all these settings have this value, by the key that each line starts with."""
    lines = read_lines(place_all(config, keys, value), to_values(config))
    by_key = {line.split(" ")[0]: line for line in lines}
    assert len(by_key) == len(lines)
    return by_key


def of_kind(*wanted: Any) -> list[str]:
    """Return the settings of these types whose values are not names to choose from."""
    return [key for key, kind in KINDS.items() if kind in wanted and key not in CHOICES_OF]


def test_settings_survive_the_way_to_plain_values_and_back(defaults: Config) -> None:
    values = to_values(defaults)
    assert read_config(values) == defaults
    assert to_values(read_config(values)) == values


def test_plain_values_hold_nothing_but_what_yaml_holds(defaults: Config) -> None:
    for key, value in flatten(to_values(defaults)).items():
        assert type(value) in (str, int, float, bool, type(None), dict, list), key
    assert to_values(defaults)["optimizer"]["name"] == "adamw"


def test_reading_does_not_edit_what_it_reads(defaults: Config) -> None:
    values = to_values(defaults)
    before = copy.deepcopy(values)
    read_config(values)
    merge_overrides(values, [parse_override(word) for word in ("seed=3", "model.dropout=0.5", "++tracking.tags.a=b")])
    assert values == before


@pytest.mark.parametrize("text", ODD_TEXTS, ids=ascii)
def test_any_prompt_survives_the_run_folders_config(defaults: Config, tmp_path: Path, text: str) -> None:
    changed = change(defaults, {"sampling.prompt": text, "tracking.run_name": "x" + text})
    path = tmp_path / "config.yaml"
    path.write_bytes(write_yaml(to_values(changed)).encode("utf-8"))
    again = read_config(merge_overrides(read_yaml(path), []))
    assert again.sampling.prompt == text
    assert again.tracking.run_name == "x" + text
    assert again == changed


@pytest.mark.parametrize("value", [1e-300, 5e-324, 0.1, 1 / 3, 3.3999999999999995e38])
def test_every_bit_of_a_number_survives_the_run_folders_config(defaults: Config, tmp_path: Path, value: float) -> None:
    changed = change(defaults, {"optimizer.learning_rate": value})
    (tmp_path / "config.yaml").write_text(write_yaml(to_values(changed)))
    assert read_config(read_yaml(tmp_path / "config.yaml")).optimizer.learning_rate == value


@pytest.mark.parametrize("value", [True, False, 1.5, 1.0, math.nan, math.inf, "big", "1.5", "", [3], {"a": 3}])
def test_a_whole_number_is_neither_a_bool_nor_a_fraction_nor_text(defaults: Config, value: Any) -> None:
    assert read_lines_of(defaults, of_kind(int), value) == {
        key: f"{key} must be a whole number, got {value!r}." for key in of_kind(int)
    }
    assert read_lines_of(defaults, of_kind(int | None), value) == {
        key: f"{key} must be a whole number or null, got {value!r}." for key in of_kind(int | None)
    }


@pytest.mark.parametrize("value", [True, False, "big", "", [0.5], {"a": 0.5}])
def test_a_number_is_neither_a_bool_nor_text(defaults: Config, value: Any) -> None:
    assert read_lines_of(defaults, of_kind(float), value) == {
        key: f"{key} must be a number, got {value!r}." for key in of_kind(float)
    }
    assert read_lines_of(defaults, of_kind(float | None), value) == {
        key: f"{key} must be a number or null, got {value!r}." for key in of_kind(float | None)
    }


@pytest.mark.parametrize("sign", [1, -1])
def test_a_whole_number_past_all_floats_is_no_number(defaults: Config, sign: int) -> None:
    keys = of_kind(float, float | None)
    assert set(read_lines_of(defaults, keys, sign * 10**400)) == set(keys)


@pytest.mark.parametrize("value", [0, 1, 1.0, "true", "yes", "on", "", None, [True]])
def test_true_or_false_is_neither_a_number_nor_a_word(defaults: Config, value: Any) -> None:
    shown = "null" if value is None else repr(value)
    assert read_lines_of(defaults, of_kind(bool), value) == {
        key: f"{key} must be true or false, got {shown}." for key in of_kind(bool)
    }


@pytest.mark.parametrize("value", ["qqq", "LSTM", None, 0, True, ["lstm"], {"a": "lstm"}])
def test_an_option_is_one_of_the_names_which_are_all_told(defaults: Config, value: Any) -> None:
    keys = list(CHOICES)
    lines = read_lines_of(defaults, keys, value)
    assert set(lines) == set(keys)
    for key, line in lines.items():
        names = ", ".join(CHOICES[key])
        assert line.startswith(f"{key} must be one of {names}, got {'null' if value is None else repr(value)}")


@pytest.mark.parametrize("key", CHOICES)
def test_every_name_of_an_option_is_read_as_it(defaults: Config, key: str) -> None:
    for name in CHOICES[key]:
        try:
            flat = flatten(to_values(read_config(place(defaults, key, name))))
        except UserError as error:  # the option is read, and does not go with the others
            flat = {key: name}
            assert not any(line.startswith(f"{key} ") for line in error.lines)  # noqa: PT017
        assert flat[key] == name


def test_an_option_that_is_nearly_right_is_answered_with_the_right_one(defaults: Config) -> None:
    (line,) = read_lines(place(defaults, "optimizer.name", "adamm"))
    assert line.endswith("got 'adamm' - did you mean adam?")
    (line,) = read_lines(place(defaults, "model.cell", "lsmt"))
    assert line == f"model.cell must be one of {', '.join(CELLS.list_names())}, got 'lsmt' - did you mean lstm?"


@pytest.mark.parametrize("value", [["a"], {"a": "b"}])
def test_text_is_not_a_list_or_a_group(defaults: Config, value: Any) -> None:
    for keys, kind in ((of_kind(str), "text"), (of_kind(str | None), "text or null")):
        assert read_lines_of(defaults, keys, value) == {key: f"{key} must be {kind}, got {value!r}." for key in keys}


@pytest.mark.parametrize("value", [None, "a", 3, ["a"], {"a": {"b": "c"}}, {"a": ["b"]}, {"a": None}])
def test_tags_are_text_by_name(defaults: Config, value: Any) -> None:
    (line,) = read_lines(place(defaults, "tracking.tags", value))
    assert line.startswith("tracking.tags must be text by name, got ")


def test_null_is_wrong_where_a_value_is_needed(defaults: Config) -> None:
    keys = of_kind(int, float, str)
    lines = read_lines_of(defaults, keys, None)
    assert set(lines) == set(keys)
    assert all(line.endswith(", got null.") for line in lines.values())


def test_a_whole_number_is_a_number(defaults: Config) -> None:
    rate = read_config(place(defaults, "optimizer.learning_rate", 1)).optimizer.learning_rate
    assert rate == 1.0
    assert type(rate) is float


def test_every_setting_that_is_missing_is_named(defaults: Config) -> None:
    assert read_lines_of(defaults, list(KINDS), REMOVED) == {
        key: f"{key} must be set, got nothing. Its values stand in conf/." for key in KINDS
    }


def test_omegaconfs_sign_for_a_missing_value_is_no_value(defaults: Config) -> None:
    keys = [key for key, kind in KINDS.items() if kind not in (str, str | None)]
    assert set(read_lines_of(defaults, keys, "???")) == set(keys)


def test_a_missing_setting_is_named_without_a_fallback_too(defaults: Config) -> None:
    assert read_lines(place(defaults, "model.dropout", REMOVED)) == [
        "model.dropout must be set, got nothing. Its values stand in conf/."
    ]


@pytest.mark.parametrize("value", [3, None, [1], "a"])
def test_a_group_that_is_no_group_is_one_line(defaults: Config, value: Any) -> None:
    groups = [field.name for field in fields(Config) if is_dataclass(field.type)]
    lines = read_lines_of(defaults, groups, value)
    assert set(lines) == set(groups)
    assert all(" must be a group of settings, got " in line for line in lines.values())


def test_a_group_that_is_missing_is_one_line(defaults: Config) -> None:
    values = to_values(defaults)
    del values["model"]
    (line,) = read_lines(values, to_values(defaults))
    assert line.startswith("model must be set, got nothing.")


@pytest.mark.parametrize(
    ("key", "hint"),
    [("model.hiden_size", " - did you mean model.hidden_size?"), ("qqqqq", "."), ("sed", " - did you mean seed?")],
)
def test_a_setting_of_a_file_that_nobody_knows_is_named_with_the_nearest(defaults: Config, key: str, hint: str) -> None:
    assert read_lines(place(defaults, key, 3)) == [f"unknown setting {key!r}{hint}"]


def test_without_a_fallback_the_ranges_wait_for_the_types(defaults: Config) -> None:
    values = place(defaults, "model.hidden_size", 1.5) | {"seed": -1}
    assert read_lines(values) == ["model.hidden_size must be a whole number or null, got 1.5."]


def test_with_a_fallback_types_and_ranges_are_told_together(defaults: Config) -> None:
    values = place(defaults, "model.hidden_size", 1.5) | {"seed": -1, "qqqqq": 3}
    values["optimizer"]["learning_rate"] = math.nan
    values["training"]["shuffle"] = "yes"
    assert sorted(read_lines(values, to_values(defaults))) == sorted(
        [
            "unknown setting 'qqqqq'.",
            "model.hidden_size must be a whole number or null, got 1.5.",
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
    words = write_words(["tracking.tags.b=3", "tracking.tags.c=4"])
    merged = merge_overrides(values, [parse_override(word) for word in words])
    assert merged["tracking"]["tags"] == {"a": "1", "b": "3", "c": "4"}
    assert read_config(merged).tracking.tags == {"a": "1", "b": "3", "c": "4"}


@pytest.mark.parametrize("text", ["a: [1", "a: b: c", "\t", "- 1", "3"])
def test_a_file_that_is_no_yaml_of_settings_is_refused_with_its_path(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_yaml(path)
    (line,) = caught.value.lines
    assert line.startswith(f"{path} must ")
    assert len(line.splitlines()) == 1


def test_a_file_that_cannot_be_read_is_refused_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"name: caf\xe9\n")
    (tmp_path / "folder.yaml").mkdir()
    for name in ("latin.yaml", "folder.yaml", "missing.yaml"):
        with pytest.raises(UserError) as caught:
            read_yaml(tmp_path / name)
        (line,) = caught.value.lines
        assert line.startswith(f"{tmp_path / name} must be a readable YAML file")


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


@pytest.mark.parametrize("key", ["seed", "model.dropout", "training.shuffle", "model.cell", "training.max_steps"])
def test_a_reference_in_a_file_of_values_is_no_number(
    defaults: Config, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("NUMBER", "1")
    (line,) = read_lines(place(defaults, key, "${oc.env:NUMBER}"))
    assert line.startswith(f"{key} must be ")


@pytest.mark.parametrize(
    "text",
    [
        "a0: &a0 [x,x,x,x]\n" + "".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12)),
        "x: &a [*a]",
        "x: " + "[" * 20_000,
    ],
    ids=["laughs", "itself", "depth"],
)
def test_yaml_that_is_small_on_disk_and_not_in_memory_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(UserError, match="must be a readable YAML file"):
        read_yaml(tmp_path / "x.yaml")


def test_an_override_of_what_is_no_group_is_the_users_mistake(defaults: Config) -> None:
    merged = merge_overrides(place(defaults, "model", 3), [parse_override("model.hidden_size=5")])
    assert all(line.startswith("model.") for line in read_lines(merged))


@pytest.mark.parametrize("text", ["[" * 100_000, "- " * 100_000, "? " * 50_000, "a: " + "{b: " * 100_000])
def test_yaml_that_is_nested_without_an_end_is_refused_and_ends_no_process(tmp_path: Path, text: str) -> None:
    """The loader in C follows 50,000 levels to the end of its stack."""
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(UserError, match="must be a readable YAML file"):
        read_yaml(tmp_path / "x.yaml")
