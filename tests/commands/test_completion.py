"""Tab completion: what each word may become, and a real bash that asks for it."""

import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from charrnn_exp.commands.command import Command
from charrnn_exp.commands.completion import SCRIPTS, complete, run
from charrnn_exp.commands.registry import COMMANDS
from charrnn_exp.config.overrides import list_settings
from charrnn_exp.config.schema import SamplingConfig
from charrnn_exp.errors import UserError


def test_the_first_word_is_a_verb_a_setting_a_group_or_a_flag() -> None:
    words = complete("charrnn-exp ")
    assert set(COMMANDS.built_in) - {"train", "completion"} <= set(words)
    assert {f"{key}=" for key in list_settings() if not key.endswith(".extra")} <= set(words)
    assert {"dataset=", "experiment=", "-m", "--cfg"} <= set(words)
    assert len(words) == len(set(words))


@pytest.mark.parametrize("command", COMMANDS.built_in.values(), ids=COMMANDS.built_in)
def test_a_verb_is_offered_its_own_words_and_the_settings_that_it_may_change_and_no_others(command: Command) -> None:
    words = complete(f"charrnn-exp {command.name} ")
    assert {f"{word.name}=" for word in command.words} <= set(words)
    own = {word.name for word in command.words}  # the name that `compare` looks for is no setting of it
    settings = {word[:-1] for word in words} & set(list_settings()) - own
    taken = {key for key in list_settings() if command.takes_setting(key) and not key.endswith(".extra")}
    assert settings == taken - own


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("charrnn-exp rep", ["repair"]),
        (
            "charrnn-exp seed=1 sam",
            ["sampling="] + [f"sampling.{field.name}=" for field in fields(SamplingConfig) if field.name != "extra"],
        ),
        ("charrnn-exp sample che", ["checkpoint="]),
        ("charrnn-exp sample sampling.top", ["sampling.top_k=", "sampling.top_p="]),
        ("charrnn-exp sample model", []),
        ("charrnn-exp repair ru", ["run="]),
        ("charrnn-exp training.shuffle=", ["training.shuffle=true", "training.shuffle=false"]),
        ("charrnn-exp training.ema_decay=", ["training.ema_decay=null"]),
        ("charrnn-exp optimizer=ad", ["optimizer=adam", "optimizer=adamw"]),
        ("charrnn-exp -m optimizer=adam,s", ["optimizer=adam,sgd"]),
        ("charrnn-exp nothing.such=", []),
        ("charrnn-exp seed.x=", []),
        ("charrnn-exp run=", []),
        ("charrnn-exp resume run=", ["run=latest", "run=best"]),
        ("charrnn-exp ui tracking=s", ["tracking=server"]),
        ("", []),
    ],
)
def test_a_word_becomes_what_its_place_allows(
    line: str, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert (complete(line) if line else []) == words


def test_runs_are_offered_by_their_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = Path("outputs/charrnn/2026-01-02/03-04-05-000006")
    run.mkdir(parents=True)
    (run / "config.yaml").touch()
    assert complete("charrnn-exp resume run=outputs/charrnn/2026-01-02/03") == [f"run={run}"]


def test_an_unknown_shell_is_a_mistake() -> None:
    for words in ([], ["shell=tcsh"]):
        with pytest.raises(UserError, match="shell must be one of bash, zsh, fish, got "):
            run(words)


@pytest.mark.parametrize(
    ("typed", "replies"),
    [
        ("charrnn-exp res", ["resume"]),
        ("charrnn-exp model.cell=l", ["lstm"]),  # bash completes what follows the '='
        ("charrnn-exp -m dataset=linux,sh", ["linux,shakespeare"]),
        ("charrnn-exp qqq", []),
    ],
)
def test_a_real_bash_completes(typed: str, replies: list[str], tmp_path: Path) -> None:
    script = (
        'eval "$(charrnn-exp completion shell=bash)"; COMP_LINE="$1"; COMP_POINT=${#COMP_LINE}; '
        '_charrnn_exp; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ended = subprocess.run(
        ["bash", "-c", script, "bash", typed],
        env={**os.environ, "PATH": path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (ended.stdout.split(), ended.stderr) == (replies, "")
    assert list(tmp_path.iterdir()) == []


def test_every_script_asks_the_console_script_for_the_line_so_far() -> None:
    for script in SCRIPTS.values():
        assert "charrnn-exp completion" in script
        assert "line=" in script
