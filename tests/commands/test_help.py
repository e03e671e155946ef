"""`--help` tells the truth: what it names exists, and its examples are commands that work."""

import re
import shlex

import pytest

from charrnn_exp.commands.help import show_help
from charrnn_exp.commands.registry import list_commands
from charrnn_exp.config.compose import compose_jobs
from charrnn_exp.config.conf_folder import find_conf_folder, list_groups
from charrnn_exp.config.overrides import list_settings
from charrnn_exp.config.words import write_words
from charrnn_exp.errors import UserError

VERBS = [command.name for command in list_commands()]
SCOPES = ("dataset", "model", "optimizer", "training", "sampling", "tracking")


def read_help(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    show_help(words)
    return capsys.readouterr().out


def test_the_main_help_names_every_verb_group_and_option(capsys: pytest.CaptureFixture[str]) -> None:
    text = read_help(capsys, "--help")
    for verb in VERBS:
        assert re.search(rf"^  {verb} ", text, re.MULTILINE)
    for group, options in list_groups([find_conf_folder()]).items():
        assert re.search(rf"^  {group} +{', '.join(options)}$", text, re.MULTILINE)


@pytest.mark.parametrize("words", [["--help"], *([verb, "--help"] for verb in VERBS)], ids=lambda words: words[0])
def test_every_setting_that_a_help_names_exists(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    named = re.findall(rf"\b({'|'.join(SCOPES)})\.([a-z_]+)", read_help(capsys, *words))
    assert {f"{group}.{name}" for group, name in named} <= set(list_settings())


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_a_help_of_its_own(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    text = read_help(capsys, verb, "--help")
    assert text != read_help(capsys, "--help")
    assert re.match(rf"python -m charrnn_exp \[?{verb}\b", text)


def test_every_example_of_a_run_composes(capsys: pytest.CaptureFixture[str]) -> None:
    lines = re.findall(r"^  python -m charrnn_exp(.*)$", read_help(capsys, "--help"), re.MULTILINE)
    # What stands after two spaces is the comment; the first line is the synopsis.
    examples = [
        shlex.split(re.split(r"\s{2,}", line.strip())[0]) for line in lines if "[" not in line and line[:2] != "  "
    ]
    assert len(examples) >= 4
    for words in examples:
        multirun = "-m" in words
        written = write_words([word for word in words if word != "-m"], multirun=multirun)
        jobs = compose_jobs(written, multirun=multirun)
        assert (len(jobs) > 1) == multirun, words


@pytest.mark.parametrize("words", [["--help"], *([verb, "--help"] for verb in VERBS)], ids=lambda words: words[0])
def test_help_fits_a_terminal(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    text = read_help(capsys, *words)
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 120


def test_words_after_help_ask_for_settings_and_groups(capsys: pytest.CaptureFixture[str]) -> None:
    text = read_help(capsys, "--help", "model.dropout=0.5", "optimizer")
    assert text.startswith("model.dropout\n")
    assert "\noptimizer: " in text
    assert read_help(capsys, "sample", "-h", "sampling.top_k").startswith("sampling.top_k\n")


def test_words_before_help_ask_for_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert read_help(capsys, "model.dropout=0.5", "--help") == read_help(capsys, "--help")


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_after_help_is_the_verb_before_it(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    assert read_help(capsys, "--help", verb) == read_help(capsys, verb, "--help")


def test_an_unknown_word_after_help_is_answered_with_the_nearest() -> None:
    with pytest.raises(UserError) as caught:
        show_help(["--help", "model.drpout"])
    assert caught.value.lines == ["unknown setting 'model.drpout' - did you mean model.dropout?"]
    assert caught.value.exit_code == 2
