"""conf/: found from a checkout and from a wheel; each default in it stands once."""

import importlib.util
import shutil
import tomllib
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from charrnn_exp.config import conf_folder
from charrnn_exp.config.compose import compose_all
from charrnn_exp.config.conf_folder import find_conf_folder, list_groups
from charrnn_exp.config.overrides import list_settings
from charrnn_exp.config.schema import Config
from tests.config.test_schema import read_field_docs

CONF = find_conf_folder()
SECTIONS = {field.name: field.type for field in fields(Config) if is_dataclass(field.type)}
OPTIONS = [(path.parent.name, path.stem) for path in sorted(CONF.glob("*/*.yaml")) if path.parent.name != "base"]
DIFFS = sorted(path for group in ("experiment", "recipe", "debug") for path in CONF.glob(f"{group}/*.yaml"))


def read(path: Path) -> dict[str, Any]:
    values = yaml.safe_load(path.read_text(encoding="ascii"))
    assert isinstance(values, dict)
    return values


def leaves(values: dict[str, Any], prefix: str = "") -> list[str]:
    """Return the dotted keys, by a walk of its own; an empty dict is a value."""
    found: list[str] = []
    for key, value in values.items():
        found += leaves(value, f"{prefix}{key}.") if isinstance(value, dict) and value else [prefix + key]
    return found


def load_copy(module: Path) -> Any:
    spec = importlib.util.spec_from_file_location("conf_folder_copy", module)
    assert spec is not None
    assert spec.loader is not None
    copy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(copy)
    return copy


def copy_package(root: Path) -> Path:
    module = root / "charrnn_exp" / "config" / "conf_folder.py"
    module.parent.mkdir(parents=True)
    shutil.copy(str(conf_folder.__file__), module)
    return module


def test_the_folder_holds_the_root_config() -> None:
    assert CONF.is_absolute()
    assert (CONF / "config.yaml").is_file()


def test_a_checkout_finds_conf_beside_src(tmp_path: Path) -> None:
    module = copy_package(tmp_path / "src")
    (tmp_path / "conf").mkdir()
    assert load_copy(module).find_conf_folder() == (tmp_path / "conf").resolve()


def test_a_wheel_finds_conf_inside_the_package_whatever_lies_beside_it(tmp_path: Path) -> None:
    module = copy_package(tmp_path / "lib" / "site-packages")
    (tmp_path / "lib" / "conf").mkdir()
    inside = module.parents[1] / "conf"
    inside.mkdir()
    assert load_copy(module).find_conf_folder() == inside.resolve()


def test_groups_list_their_options_in_order(tmp_path: Path) -> None:
    for name in ("b/two.yaml", "b/one.yaml", "a/x.yaml", "a/notes.txt", "root.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert list_groups([tmp_path]) == {"a": ["x"], "b": ["one", "two"]}


def test_a_folder_of_the_user_adds_options_and_groups_and_hides_none(tmp_path: Path) -> None:
    for name in ("model/mine.yaml", "model/lstm.yaml", "extra/x.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    own, both = list_groups([CONF]), list_groups([CONF, tmp_path])
    assert both == own | {"model": sorted({*own["model"], "mine"}), "extra": ["x"]}


def test_every_group_has_an_option() -> None:
    assert set(list_groups([CONF])) == {*SECTIONS, "experiment", "recipe", "debug"}


@pytest.mark.parametrize("group", SECTIONS)
def test_every_setting_of_a_group_stands_in_its_base_below_its_meaning(group: str) -> None:
    """The schema's words, comment for comment: whoever reads conf/ alone reads the same."""
    comments, found = [], {}
    for line in (CONF / "base" / f"{group}.yaml").read_text(encoding="ascii").splitlines()[1:]:
        if line.startswith("# "):
            comments.append(line.removeprefix("# "))
        else:
            found[line.partition(":")[0]] = " ".join(comments)
            comments = []
    meanings = {name: " ".join(str(text).split()) for name, text in read_field_docs(SECTIONS[group]).items()}
    assert found == meanings


@pytest.mark.parametrize(("group", "option"), [pair for pair in OPTIONS if pair[0] in SECTIONS], ids="=".join)
def test_an_option_is_a_difference_to_the_base_of_its_group(group: str, option: str) -> None:
    values, base = read(CONF / group / f"{option}.yaml"), read(CONF / "base" / f"{group}.yaml")
    assert values.pop("defaults") == [f"/base/{group}@_here_", "_self_"]
    assert set(values) <= set(base)
    assert not [key for key, value in values.items() if base[key] == value]


def test_the_wheel_holds_every_folder_of_conf_but_the_settings_of_this_checkout() -> None:
    project = tomllib.loads((CONF.parent / "pyproject.toml").read_text(encoding="utf-8"))
    listed = set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"])
    assert listed == {"conf/config.yaml", *(f"conf/{path.name}" for path in CONF.iterdir() if path.is_dir())}


def test_the_root_holds_the_settings_that_are_in_no_group_and_no_others() -> None:
    values = read(CONF / "config.yaml")
    assert set(values) - {"defaults", "hydra"} == {key for key in list_settings() if "." not in key}


@pytest.mark.parametrize("path", sorted(CONF.rglob("*.yaml")), ids=lambda path: str(path.relative_to(CONF)))
def test_no_key_stands_twice_in_a_file(path: Path) -> None:
    class Strict(yaml.SafeLoader):
        pass

    def read_once(loader: Any, node: Any) -> dict[Any, Any]:
        keys = [loader.construct_object(key) for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"{path.name}: {keys}"
        return dict(zip(keys, (loader.construct_object(value, deep=True) for _, value in node.value), strict=True))

    Strict.add_constructor("tag:yaml.org,2002:map", read_once)
    assert yaml.load(path.read_text(encoding="ascii"), Strict)


@pytest.mark.parametrize("path", sorted(CONF.rglob("*.yaml")), ids=lambda path: str(path.relative_to(CONF)))
def test_no_file_names_code(path: Path) -> None:
    text = path.read_text(encoding="ascii")
    assert "_target_" not in text
    assert "!!" not in text


@pytest.mark.parametrize("path", DIFFS, ids=lambda path: path.stem)
def test_an_experiment_is_a_diff_with_its_question_command_time_and_result_on_top(path: Path) -> None:
    values = read(path)
    values.pop("defaults", None)
    sweeper = values.pop("hydra", {"sweeper": {}}).pop("sweeper")
    assert set(sweeper.pop("params", {})) <= set(list_settings())
    assert set(sweeper) <= set(read(CONF / "hydra/sweeper/optuna.yaml"))
    assert values
    assert set(leaves(values)) < set(list_settings())
    top = [line for line in path.read_text(encoding="ascii").splitlines() if line.startswith("#")]
    assert top[0] == "# @package _global_"
    said = "\n".join(top)
    for word in (
        "Question:",
        f" {path.parent.name}={path.stem}",
        "Command:  python -m charrnn_exp ",
        "Time:",
        "Expected:",
    ):
        assert word in said


@pytest.mark.parametrize("path", [path for path in DIFFS if "hydra" in read(path)], ids=lambda path: path.stem)
def test_the_values_of_a_search_are_read_and_checked(path: Path) -> None:
    """One job for each value of a list, so one at least for each setting."""
    jobs = compose_all([f"{path.parent.name}={path.stem}"], multirun=True)
    assert len(jobs) > len(read(path)["hydra"]["sweeper"]["params"])
