"""What the user typed is checked word by word, and each answer starts with the key and shows the way out."""

import shlex

import pytest

from charrnn_exp.commands.registry import list_commands
from charrnn_exp.config.conf_folder import find_conf_folder, list_groups
from charrnn_exp.config.overrides import (
    explain_flag,
    find_bad_overrides,
    list_settings,
    parse_override,
    suggest,
)
from charrnn_exp.config.synonyms import GROUPS_OF_SYNONYMS
from charrnn_exp.config.words import write_words
from charrnn_exp.errors import UserError

GROUPS = {"dataset": ["linux", "shakespeare"], "model": ["lstm"], "experiment": ["notebook"]}


def find_lines(*words: str, multirun: bool = False) -> list[str]:
    written = write_words(words, multirun=multirun)
    bad_words, lines = find_bad_overrides(written, groups=GROUPS, multirun=multirun)
    assert bool(bad_words) == bool(lines)
    return lines


@pytest.mark.parametrize("key", list_settings())
def test_every_setting_of_the_schema_can_be_typed(key: str) -> None:
    assert find_lines(f"{key}=1") == []


@pytest.mark.parametrize("key", list_settings())
def test_a_setting_with_its_last_letter_missing_is_answered_with_the_right_one(key: str) -> None:
    (line,) = find_lines(f"{key[:-1]}=1")
    assert line.startswith(f"unknown setting {key[:-1]!r} - did you mean ")
    assert key in line.partition("did you mean ")[2].rstrip("?").split(" or ")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("model.hiden_size", "model.hidden_size"),
        ("model.hidden-size", "model.hidden_size"),
        ("optimizer.hidden_size", "model.hidden_size"),
        ("hidden_size", "model.hidden_size"),
        ("batch_size", "training.batch_size"),
        ("learnig_rate", "optimizer.learning_rate"),
        ("trainig.epochs", "training.epochs"),
        ("datset", "dataset"),
        ("sed", "seed"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "+", "++", "~"])
def test_an_unknown_setting_is_answered_with_the_nearest_known_one_whatever_its_prefix(
    prefix: str, typed: str, meant: str
) -> None:
    assert find_lines(f"{prefix}{typed}=3") == [f"unknown setting {typed!r} - did you mean {meant}?"]


def test_a_leaf_that_two_groups_have_is_answered_with_both() -> None:
    assert find_lines("prompt.seed=3") == ["unknown setting 'prompt.seed' - did you mean seed or sampling.seed?"]


def test_a_word_that_is_near_nothing_gets_the_place_where_all_are_listed() -> None:
    assert find_lines("qqqqqq=3") == ["unknown setting 'qqqqqq'. See --help, or --cfg job for all settings."]


def test_a_known_setting_is_written_without_a_plus() -> None:
    (line,) = find_lines("+model.hidden_size=3")
    assert line == "model.hidden_size must be written without '+', got '+model.hidden_size=3'. It is a known setting."


def test_a_known_group_is_written_without_a_plus() -> None:
    assert find_lines("+dataset=linux") == [
        "dataset must be written without '+', got '+dataset=linux'. It is a known group."
    ]


def test_an_unknown_option_is_answered_with_all_options_and_the_nearest() -> None:
    assert find_lines("dataset=shakespear") == [
        "dataset must be one of linux, shakespeare, got 'shakespear' - did you mean shakespeare?"
    ]
    assert find_lines("dataset=qq") == ["dataset must be one of linux, shakespeare, got 'qq'."]


def test_every_bad_word_has_its_line_and_good_words_have_none() -> None:
    words = ["seed=3", "sed=3", "dataset=linux", "model=gru", "model.hidden_size=5,7", "name"]
    bad_words, lines = find_bad_overrides(words, groups=GROUPS, multirun=False)
    assert bad_words == {"sed=3", "model=gru", "model.hidden_size=5,7", "name"}
    assert len(lines) == 4
    assert [line.split(" ")[0].strip("'") for line in lines] == ["unknown", "model", "model.hidden_size", "name"]


@pytest.mark.parametrize("value", ["5,7", "range(1,3)", "choice(5,7)"])
def test_several_values_are_a_mistake_without_m_and_a_sweep_with_it(value: str) -> None:
    assert find_lines(f"model.hidden_size={value}") == [
        f"model.hidden_size must be one value, got {value}. Add -m to sweep over them."
    ]
    assert find_lines(f"model.hidden_size={value}", multirun=True) == []


@pytest.mark.parametrize("value", ["to be, or not", 'say "hi', "a=b", "it's", "x, 'y'", "caf\u00e9", "x: [y, {z", "#"])
@pytest.mark.parametrize("written", ["sampling.prompt={}", 'sampling.prompt="{}"'])
def test_a_prompt_is_taken_as_it_is_with_quotes_around_it_and_without(written: str, value: str) -> None:
    if written.endswith('"') and '"' in value:
        value = value.replace('"', '\\"')
    word = written.format(value)
    assert find_lines(word) == []
    assert parse_override(*write_words([word])).value() == value.replace('\\"', '"')


@pytest.mark.parametrize("value", ["[a,b].txt", "'tis, or not", "a(1,2)", "x), y("])
def test_a_text_that_a_sweep_reads_otherwise_is_answered_with_a_word_to_paste(value: str) -> None:
    (line,) = find_lines(f"dataset.path={value}", multirun=True)
    assert line.startswith("dataset.path must be text")
    (pasted,) = shlex.split(line.partition("As one text: ")[2])
    assert find_lines(pasted, multirun=True) == []
    assert parse_override(*write_words([pasted], multirun=True)).value() == value


def test_an_unreadable_value_of_a_setting_that_takes_no_text_is_not_told_to_be_quoted() -> None:
    (line,) = find_lines("training.epochs=a=b")
    assert line.startswith("training.epochs must be a value that Hydra's grammar can read, got 'a=b' (")
    assert line.endswith("See --help training.epochs.")


@pytest.mark.parametrize("word", ["", "model.hidden_size", "a b"])
def test_a_word_without_an_equals_sign_is_told_the_form(word: str) -> None:
    assert find_lines(word) == [f"{word!r} must be a setting of the form key=value. See --help."]


@pytest.mark.parametrize(
    "word",
    [
        "model._target_=os.system",
        "+model._target_=os.system",
        "++tracking.tags._target_=os.system",
        "model={_target_:os.system}",
        "tracking.tags={a:{_target_:os.system}}",
        "tracking.tags={a:[{_target_:os.system}]}",
        "+hydra.callbacks.x._target_=os.system",
        "+hydra.callbacks.x={_target_:os.system}",
        "+hydra.callbacks.x=[{_target_:os.system}]",
        "hydra.launcher._target_=os.system",
        "_target_=os.system",
    ],
)
@pytest.mark.parametrize("multirun", [False, True])
def test_a_word_that_names_code_is_refused_wherever_the_name_stands(word: str, multirun: bool) -> None:
    (line,) = find_lines(word, multirun=multirun)
    typed = word.lstrip("+")
    key = typed.partition("=")[0]
    assert line == f"{key} must not hold '_target_', got {typed!r}. Settings never name code to run."


@pytest.mark.parametrize("word", ["hydra.searchpath=[pkg://x]", "+hydra.searchpath=[file://x]", "hydra.searchpath=x"])
def test_the_search_path_is_refused_since_a_pkg_entry_is_imported(word: str) -> None:
    (line,) = find_lines(word)
    assert line.startswith("hydra.searchpath must ")
    assert "--config-dir" in line


def test_tags_are_the_users_own_names() -> None:
    words = write_words(["tracking.tags.team=a", "tracking.tags={}", "seed=1"])
    assert words == ["++tracking.tags.team='a'", "++tracking.tags={}", "seed=1"]
    assert find_lines(*words) == []


def test_suggestions_prefer_the_same_leaf_then_the_same_start_then_the_nearest() -> None:
    known = ["a.size", "b.size", "a.sizes", "start_here", "starter"]
    assert suggest("c.size", known) == " - did you mean a.size or b.size?"
    assert suggest("start", known) == " - did you mean start_here or starter?"
    assert suggest("a.szes", known) == " - did you mean a.sizes?"
    assert suggest("st", known) == ""
    assert suggest("a.siez", []) == ""


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("lr", "optimizer.learning_rate"),
        ("training.lr", "optimizer.learning_rate"),
        ("patience", "training.early_stopping_patience"),
        ("hidden", "model.hidden_size"),
        ("SEQ-LEN", "training.sequence_length"),
        ("test_frac", "dataset.test_fraction"),
    ],
)
def test_a_word_of_the_field_is_answered_with_its_name_here(typed: str, meant: str) -> None:
    assert find_lines(f"{typed}=3") == [f"unknown setting {typed!r} - did you mean {meant}?"]


def test_every_word_of_the_field_leads_to_something_that_exists() -> None:
    groups = list_groups([find_conf_folder()])
    known = [*list_settings(), *groups, *(option for options in groups.values() for option in options)]
    known += [*(command.name for command in list_commands()), "--help", "--version", "--cfg job", "-m"]
    assert set(GROUPS_OF_SYNONYMS) <= set(known)
    for words in GROUPS_OF_SYNONYMS.values():
        assert len(words.split()) == len(set(words.split()))


@pytest.mark.parametrize(
    ("flag", "value", "meant"),
    [
        ("--hidden_size", "512", "model.hidden_size=512"),
        ("--hidden-size=512", None, "model.hidden_size=512"),
        ("-lr", "0.1", "optimizer.learning_rate=0.1"),
        ("--epochs", None, "training.epochs=VALUE"),
        ("--seed", "3", "seed=3"),
    ],
)
def test_a_flag_that_is_a_setting_is_answered_with_the_word_to_type(flag: str, value: str | None, meant: str) -> None:
    line = explain_flag(flag, value, list_settings())
    assert line is not None
    assert line.endswith(f" must be written without dashes: {meant}.")
    assert explain_flag("--frobnicate", value, list_settings()) is None


@pytest.mark.parametrize("value", ["9" * 5000, "-" + "9" * 5000, "[" * 2000])
def test_a_value_too_long_to_be_read_is_a_mistake(value: str) -> None:
    with pytest.raises(UserError, match="seed must be a value that Hydra's grammar can read"):
        parse_override(f"seed={value}")
