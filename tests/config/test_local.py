"""conf/local: settings of one checkout, for all its runs, that nobody else gets."""

import shutil
import tomllib
from pathlib import Path

import pytest

from charrnn_exp.config import compose as compose_module
from charrnn_exp.config import hydra_settings
from charrnn_exp.config.compose import compose_jobs
from charrnn_exp.config.conf_folder import find_conf_folder
from charrnn_exp.config.schema import Config
from charrnn_exp.errors import UserError
from tests.config.conftest import change

ROOT = Path(__file__).parents[2]


@pytest.fixture
def local_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """conf/local/default.yaml, still to be written, of a copy of conf/ that is composed from meanwhile."""
    copy = tmp_path / "conf"
    shutil.copytree(find_conf_folder(), copy)
    (copy / "local").mkdir()
    for module in (compose_module, hydra_settings):
        monkeypatch.setattr(module, "find_conf_folder", lambda: copy)
    hydra_settings._own_hydra.cache_clear()
    return copy / "local/default.yaml"


def test_local_settings_go_into_every_run_and_a_word_or_an_experiment_goes_over_them(
    local_file: Path, defaults: Config
) -> None:
    local_file.write_text("# @package _global_\nmodel: {hidden_size: 77}\ntracking: {tags: {team: speech}}\n")
    local = {"model.hidden_size": 77, "tracking.tags": {"team": "speech"}}
    assert compose_jobs([]) == [change(defaults, local)]
    assert compose_jobs(["model.hidden_size=5"])[0].model.hidden_size == 5
    assert compose_jobs(["experiment=notebook"])[0].model.hidden_size == 1024
    assert compose_jobs(["~local"]) == [defaults]


def test_local_settings_are_checked_like_words(local_file: Path) -> None:
    local_file.write_text(
        "# @package _global_\nmodel: {hiden_size: 77}\nhydra: {callbacks: {x: {_target_: os.getcwd}}}\n"
    )
    with pytest.raises(UserError, match="Settings never name code to run"):
        compose_jobs([])
    local_file.write_text("# @package _global_\nmodel: {hiden_size: 77}\n")
    with pytest.raises(UserError, match=r"unknown setting 'model.hiden_size' - did you mean model.hidden_size\?"):
        compose_jobs([])


def test_the_wheel_has_every_group_but_the_local_one() -> None:
    included = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    groups = [f"conf/{path.name}" for path in sorted((ROOT / "conf").iterdir()) if path.is_dir()]
    assert included["force-include"] == {
        name: f"charrnn_exp/{name}" for name in ("conf/config.yaml", *groups) if name != "conf/local"
    }
    assert "conf/local/" in (ROOT / ".gitignore").read_text().splitlines()
