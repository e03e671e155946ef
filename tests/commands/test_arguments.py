"""The words of the verbs that work on a run which exists: their own, and the settings that each may change."""

from pathlib import Path

import pytest

from charrnn_exp.commands import resume
from charrnn_exp.commands.arguments import Arguments, change_config, parse_arguments
from charrnn_exp.config.compose import compose_jobs, compose_values
from charrnn_exp.config.overrides import list_settings
from charrnn_exp.config.reading import read_config
from charrnn_exp.config.resumable import EPOCHWISE, RESUMABLE
from charrnn_exp.config.words import write_words
from charrnn_exp.data.plan import SHAPES
from charrnn_exp.errors import UserError


def parse(*words: str) -> Arguments:
    return parse_arguments(words, resume.COMMAND)


def fail(*words: str) -> list[str]:
    with pytest.raises(UserError) as caught:
        parse(*words)
    return caught.value.lines


def test_no_words_change_nothing() -> None:
    assert parse() == Arguments({}, ())
    values = compose_values([])
    assert change_config(values, parse()) == read_config(values)


@pytest.mark.parametrize("value", ["latest", "outputs/a b/2026", "a,b", "a=b", "[x", "caf\u00e9", "${x}", "'"])
def test_a_verbs_own_word_is_taken_as_it_is(value: str) -> None:
    assert parse(f"run={value}").arguments == {"run": value}


@pytest.mark.parametrize("value", ["", "''", '""'])
def test_a_verbs_own_word_has_a_value(value: str) -> None:
    assert fail(f"run={value}") == ["run must have a value after '=', got nothing."]


def test_settings_that_the_verb_may_change_are_changed_and_no_others() -> None:
    values = compose_values([])
    config = change_config(values, parse("training.epochs=7", "tracking.run_name=x", "tracking.tags.team=a", "run=b"))
    expected = compose_values([])
    expected["training"]["epochs"] = 7
    expected["tracking"] |= {"run_name": "x", "tags": {"team": "a"}}
    assert config == read_config(expected)
    assert values == compose_values([])


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("training.epoch=7", "got 'training.epoch' - did you mean training.epochs?"),
        ("training.epochss=7", "got 'training.epochss' - did you mean training.epochs?"),
        ("epochs=7", "got 'epochs' - did you mean training.epochs?"),
        ("runn=latest", "got 'runn' - did you mean run?"),
        ("qqq=7", "got 'qqq'."),
    ],
)
def test_a_word_that_the_verb_does_not_know_is_answered_with_the_nearest(word: str, line: str) -> None:
    assert fail(word) == [f"resume must be given settings it knows (see resume --help), {line}"]


@pytest.mark.parametrize("key", ["model.hidden_size", "seed", "training.shuffle", "optimizer.name", "optimizer"])
def test_a_setting_that_would_make_another_run_is_answered_with_the_way_to_start_one(key: str) -> None:
    assert fail(f"{key}=7") == [
        f"{key} must stay as the run has it, got '7'. A new run may start from its weights with training.init_from=RUN."
    ]


def test_a_resume_takes_settings_that_exist() -> None:
    assert {key for key in RESUMABLE if not key.endswith(".")} <= set(list_settings())
    assert {f"training.{field}" for field in SHAPES} == set(EPOCHWISE) < set(RESUMABLE)


@pytest.mark.parametrize(
    ("typed", "meant"), [("'a b'", "a b"), ('"a, b"', "a, b"), ("it's", "it's"), ('"null"', "null")]
)
def test_a_verbs_own_word_in_quotes_loses_them(typed: str, meant: str) -> None:
    assert parse(f"run={typed}").arguments == {"run": meant}
    assert parse("run=null").arguments == {}


def test_a_file_whose_name_has_quotes_is_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("'a'").touch()
    assert parse("run='a'").arguments == {"run": "'a'"}


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("3.10", "3.10"),
        ("a, b ", "a, b "),
        ("'x'", "x"),
        ("${seed}", "1"),
        ("\\${seed}", "${seed}"),
        ("a ${name}", "a charrnn"),
    ],
)
def test_a_text_means_for_a_run_that_exists_what_it_means_for_a_new_one(value: str, meant: str) -> None:
    values = compose_values([])
    values["tracking"]["tags"] = {"kept": "${seed}"}
    tracking = change_config(values, parse(f"tracking.run_name={value}")).tracking
    assert (tracking.run_name, tracking.tags) == (meant, {"kept": "${seed}"})
    (composed,) = compose_jobs(write_words([f"tracking.run_name={value}"]))
    assert composed.tracking.run_name == meant


def test_several_values_are_a_mistake() -> None:
    assert fail("training.epochs=5,7") == ["training.epochs must be one value, got '5,7'."]


@pytest.mark.parametrize(
    "word", ["", "run", "training.epochs", "~training.epochs", "training.epochs=", "training.epochs=a=b"]
)
def test_a_word_that_says_nothing_is_the_users_mistake(word: str) -> None:
    with pytest.raises(UserError):
        change_config(compose_values([]), parse(word))


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("training.epochs=0", "training.epochs must be at least 1, got 0."),
        ("training.epochs=1.5", "training.epochs must be a whole number, got 1.5."),
        ("training.epochs=true", "training.epochs must be a whole number, got True."),
        ("training.epochs=nan", "training.epochs must be a whole number, got nan."),
    ],
)
def test_a_changed_setting_passes_the_same_checks(word: str, line: str) -> None:
    with pytest.raises(UserError) as caught:
        change_config(compose_values([]), parse(word))
    assert caught.value.lines == [line]


def test_all_bad_words_are_told_at_once() -> None:
    lines = fail("modle.x=1", "training.epochs=5,7", "run=latest", "epochs", "tracking.uri=http://h:1")
    assert [line.split(" ")[0] for line in lines] == ["resume", "training.epochs", "'epochs'"]
