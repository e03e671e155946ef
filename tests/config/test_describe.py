"""What `--help KEY` and docs/settings.md say: the schema's words, and the values that Hydra composes."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from charrnn_exp.config.compose import compose_values
from charrnn_exp.config.conf_folder import find_conf_folder, list_groups
from charrnn_exp.config.describe import describe, describe_group, list_group_names, render_page
from charrnn_exp.config.overrides import list_settings, parse_override
from charrnn_exp.errors import UserError

PAGE = Path(__file__).parents[2] / "docs/settings.md"
GROUPS = ["", *list_group_names()]


def look_up(values: dict[str, Any], key: str) -> Any:
    for part in key.split("."):
        values = values[part]
    return values


@pytest.fixture(scope="module")
def usual() -> dict[str, Any]:
    return compose_values(["~local"] if (find_conf_folder() / "local/default.yaml").exists() else [])


def test_every_setting_is_described_once() -> None:
    assert sorted(each.key for name in GROUPS for each in describe_group(name).settings) == sorted(list_settings())


@pytest.mark.parametrize("group", GROUPS)
def test_the_default_is_the_value_that_hydra_composes(group: str, usual: dict[str, Any]) -> None:
    for setting in describe_group(group).settings:
        typed = parse_override(f"{setting.key}={setting.default}").value()
        if str(typed).startswith("${"):
            typed = look_up(usual, typed[2:-1])
        assert str(typed) == str(look_up(usual, setting.key)), setting.key


@pytest.mark.parametrize(
    ("group", "option"), [("optimizer", "sgd"), ("optimizer", "adam"), ("dataset", "warpeace"), ("tracking", "none")]
)
def test_other_options_bring_the_values_that_hydra_composes(group: str, option: str) -> None:
    values = compose_values([f"{group}={option}"])
    changed = 0
    for setting in describe_group(group).settings:
        for value, options in setting.other_defaults.items():
            if option in options:
                typed = parse_override(f"{setting.key}={value}").value()
                assert str(typed) == str(look_up(values, setting.key)), setting.key
                changed += 1
    assert changed > 0


@pytest.mark.parametrize("key", list_settings())
def test_a_setting_is_described_by_its_key(key: str) -> None:
    text = describe(key)
    assert text.startswith(f"{key}\n")
    assert "; default " in " ".join(text.split())


@pytest.mark.parametrize("group", list_group_names())
def test_a_group_is_described_with_its_options_and_settings(group: str) -> None:
    text = describe(group)
    for option in list_groups([find_conf_folder()])[group]:
        assert f"\n  {option}" in text
    for setting in describe_group(group).settings:
        assert f"\n  {setting.key}\n" in text
    assert max(map(len, text.splitlines())) <= 120


def test_an_aid_is_described_by_its_question() -> None:
    assert "can the model learn a single batch by heart?" in describe("debug")


@pytest.mark.parametrize(
    ("typed", "nearest"),
    [
        ("model.hiden_size", "model.hidden_size"),
        ("optimiser", "optimizer"),
        ("dropout", "model.dropout"),
        ("sed", "seed"),
    ],
)
def test_an_unknown_key_is_answered_with_the_nearest(typed: str, nearest: str) -> None:
    with pytest.raises(UserError) as caught:
        describe(typed)
    assert caught.value.lines == [f"unknown setting {typed!r} - did you mean {nearest}?"]


def test_a_name_that_the_user_chooses_is_described_by_its_setting() -> None:
    assert describe("tracking.tags.team") == describe("tracking.tags")
    with pytest.raises(UserError, match=r"did you mean model\.dropout\?"):
        describe("model.dropout.team")


def test_what_is_near_to_nothing_is_unknown() -> None:
    with pytest.raises(UserError, match=r"^unknown setting 'zzz.qqq'. See --help"):
        describe("zzz.qqq")


def test_a_description_needs_neither_hydra_nor_tensorflow() -> None:
    code = "import sys; from charrnn_exp.config.describe import describe; describe('optimizer'); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "charrnn_exp.config.describe" in loaded
    assert {"hydra", "omegaconf", "tensorflow", "keras", "numpy"}.isdisjoint(loaded)


def test_the_page_of_settings_is_the_one_that_is_made_from_schema_and_conf() -> None:
    assert PAGE.read_text(encoding="utf-8") == render_page(), "run `make settings`"


def test_every_row_of_the_page_has_the_cells_of_its_table() -> None:
    for line in render_page().splitlines():
        if line.startswith("|"):
            cells = line.replace("\\|", "").count("|") - 1
            assert cells in (2, 4), line
