"""Our launchers on clusters: their settings are read, and what may name a program is typed or refused."""

from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from charrnn_exp.config import launchers
from charrnn_exp.config.compose import Composed, compose_all
from charrnn_exp.config.conf_folder import find_conf_folder
from charrnn_exp.config.launchers import KINDS, Cluster, RayConfig, SlurmConfig
from charrnn_exp.config.words import write_words
from charrnn_exp.errors import UserError


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray and submitit count as installed."""
    monkeypatch.setattr(launchers, "find_spec", lambda name: name)


def compose(*words: str, config_dir: Path | None = None) -> list[Composed]:
    return compose_all(write_words(words, multirun=True), multirun=True, config_dir=config_dir)


def compose_lines(*words: str, config_dir: Path | None = None) -> list[str]:
    with pytest.raises(UserError) as caught:
        compose(*words, config_dir=config_dir)
    assert all(len(line.splitlines()) == 1 for line in caught.value.lines)
    return caught.value.lines


def write_experiment(folder: Path, text: str) -> None:
    (folder / "experiment").mkdir()
    (folder / "experiment" / "mine.yaml").write_text(f"# @package _global_\n{text}\n")


@pytest.mark.parametrize("option", KINDS)
def test_a_file_has_each_setting_of_its_launcher_and_no_other(option: str) -> None:
    values = yaml.safe_load((find_conf_folder() / "hydra" / "launcher" / f"{option}.yaml").read_text(encoding="ascii"))
    assert list(values) == [field.name for field in fields(KINDS[option][0])]


def test_words_change_the_settings() -> None:
    assert compose("hydra/launcher=ray", "seed=1,2")[1].launcher == RayConfig(address=None)
    assert compose("hydra/launcher=ray", "hydra.launcher.address=head:6379")[0].launcher == RayConfig(
        address="head:6379"
    )
    found = compose(
        "hydra/launcher=slurm", "hydra.launcher.cluster=local", "hydra.launcher.setup=[module load x]",
        "hydra.launcher.python=python3", "hydra.launcher.mem_gb=4", "+hydra.launcher.additional_parameters.gres=gpu:1",
    )[0].launcher  # fmt: skip
    assert isinstance(found, SlurmConfig)
    assert (found.cluster, found.setup, found.python) == (Cluster.local, ["module load x"], "python3")
    assert (found.mem_gb, found.additional_parameters) == (4, {"gres": "gpu:1"})


def test_a_run_that_is_no_sweep_leaves_the_launcher_aside() -> None:
    (job,) = compose_all(["hydra/launcher=ray", "hydra.launcher.address=nonsense"])
    assert job.launcher is None


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["ray", "address=head"], "hydra.launcher.address must be HOST:PORT of a Ray cluster, got 'head'."),
        (["ray", "address=ray://head:10001"], "hydra.launcher.address must be HOST:PORT"),
        (["slurm", "timeout_min=0"], "hydra.launcher.timeout_min must be at least 1, got 0."),
        (["slurm", "mem_gb=0"], "hydra.launcher.mem_gb must be at least 1, got 0."),
        (["slurm", "cluster=pbs"], "hydra.launcher.cluster must be one of slurm, local, got 'pbs'"),
        (["slurm", "partition='a b'"], "hydra.launcher.partition must be a word as sbatch takes it, got 'a b'."),
        (["slurm", "qos=--x"], "hydra.launcher.qos must be a word as sbatch takes it, got '--x'."),
    ],
)
def test_a_wrong_setting_is_one_line(words: list[str], line: str) -> None:
    option, setting = words
    (found,) = compose_lines(f"hydra/launcher={option}", f"hydra.launcher.{setting}")
    assert found.startswith(line)


@pytest.mark.parametrize("name", ["runtime_env", "init", "setupp"])
@pytest.mark.parametrize("option", KINDS)
def test_an_unknown_setting_is_refused_though_it_is_typed(option: str, name: str) -> None:
    (line,) = compose_lines(f"hydra/launcher={option}", f"+hydra.launcher.{name}={{pip: [x]}}")
    assert line.startswith(f"unknown setting 'hydra.launcher.{name}'")


@pytest.mark.parametrize("option", KINDS)
def test_a_launcher_whose_package_is_missing_is_one_line(monkeypatch: pytest.MonkeyPatch, option: str) -> None:
    monkeypatch.setattr(launchers, "find_spec", lambda name: None)
    title = {"ray": "Ray", "slurm": "submitit"}[option]
    assert compose_lines(f"hydra/launcher={option}", "seed=1,2") == [
        f'hydra/launcher={option} needs {title}: python -m pip install "charrnn_exp[{option}]"'
    ]


COMMANDS = {
    "ray": "address: 'evil:6379'",
    "slurm": "setup: [touch x]",
    "slurm ": "python: touch x",
    "slurm  ": "additional_parameters: {wrap: touch x}",
    "slurm   ": "submitit_folder: /tmp",
    "ray ": "runtime_env: {pip: [evil]}",
    "ray  ": "init: {runtime_env: {pip: [evil]}}",
}


@pytest.mark.parametrize(("option", "setting"), COMMANDS.items())
@pytest.mark.parametrize("chosen_by", ["word", "file"])
def test_a_file_names_no_command_program_package_or_machine(
    tmp_path: Path, option: str, setting: str, chosen_by: str
) -> None:
    option, name = option.strip(), setting.partition(":")[0]
    choice = f"defaults: [{{override /hydra/launcher: {option}}}]\n" if chosen_by == "file" else ""
    write_experiment(tmp_path, f"{choice}hydra: {{launcher: {{{setting}}}}}")
    words = ["experiment=mine", "seed=1,2", *([f"hydra/launcher={option}"] if chosen_by == "word" else [])]
    lines = compose_lines(*words, config_dir=tmp_path)
    assert all(line.startswith(f"hydra.launcher.{name}") for line in lines)
    assert all("must be typed on the command line" in line for line in lines)


def test_a_launcher_of_a_file_names_no_command(tmp_path: Path) -> None:
    (tmp_path / "hydra" / "launcher").mkdir(parents=True)
    target = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"
    (tmp_path / "hydra" / "launcher" / "mine.yaml").write_text(f"_target_: {target}\nsetup: [touch x]\n")
    lines = compose_lines("hydra/launcher=mine", "seed=1,2", config_dir=tmp_path)
    assert lines == [
        "hydra.launcher.setup.0 must be typed on the command line, got 'touch x' from a file. It may name programs."
    ]


def test_a_file_of_ours_is_not_replaced_by_the_users(tmp_path: Path) -> None:
    (tmp_path / "hydra" / "launcher").mkdir(parents=True)
    (tmp_path / "hydra" / "launcher" / "ray.yaml").write_text("address: evil:6379\n")
    assert compose("hydra/launcher=ray", config_dir=tmp_path)[0].launcher == RayConfig(address=None)


def test_a_file_may_choose_a_launcher_and_say_where_jobs_wait(tmp_path: Path) -> None:
    own = "{cluster: local, partition: long, account: a, qos: q, constraint: 'a&b', timeout_min: 9, mem_gb: 3}"
    write_experiment(tmp_path, f"defaults: [{{override /hydra/launcher: slurm}}]\nhydra: {{launcher: {own}}}")
    found = compose("experiment=mine", "seed=1,2", config_dir=tmp_path)[0].launcher
    assert isinstance(found, SlurmConfig)
    assert (found.cluster, found.partition, found.timeout_min) == (Cluster.local, "long", 9)


@pytest.mark.parametrize("value", ["a\\ntouch x", "a b", "$(touch x)", "`touch x`", "a;touch x", "-x", "--wrap=x"])
def test_a_setting_that_a_file_may_have_adds_no_line_to_a_script(tmp_path: Path, value: str) -> None:
    write_experiment(tmp_path, f'hydra: {{launcher: {{partition: "{value}"}}}}')
    (line,) = compose_lines("hydra/launcher=slurm", "experiment=mine", config_dir=tmp_path)
    assert line.startswith("hydra.launcher.partition must be ")
