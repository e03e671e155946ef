"""What the user typed is checked word by word, and each answer starts with the key and shows the way out."""

import pytest

from charrnn_exp.config.overrides import (
    find_bad_overrides,
    list_settings,
    open_free_keys,
    parse_override,
    suggest,
)
from charrnn_exp.errors import UserError

GROUPS = {"dataset": ["linux", "shakespeare"], "model": ["lstm"], "experiment": ["notebook"]}


def find_lines(*words: str, multirun: bool = False) -> list[str]:
    bad_words, lines = find_bad_overrides(words, groups=GROUPS, multirun=multirun)
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


@pytest.mark.parametrize("value", ["to be, or not", 'say "hi', "a=b", "it's", "x, 'y'", "caf\u00e9"])
def test_a_prompt_that_the_grammar_cannot_read_is_answered_with_the_way_to_quote_it(value: str) -> None:
    (line,) = find_lines(f"sampling.prompt={value}")
    assert line.startswith("sampling.prompt must be ")
    assert value in line.replace("\\'", "'")
    assert "'sampling.prompt=\"to be, or not\"'" in line
    assert "sampling.prompt_file=FILE" in line


@pytest.mark.parametrize(
    "value", ["to be, or not", "a=b", "it's", "caf\u00e9", "\uac00\ub098", "a  b", "x: [y, {z", "#"]
)
def test_a_prompt_in_double_quotes_is_taken_as_it_is(value: str) -> None:
    word = f'sampling.prompt="{value}"'
    assert find_lines(word) == []
    assert parse_override(word).value() == value


def test_an_unreadable_value_of_another_setting_is_told_to_be_quoted() -> None:
    (line,) = find_lines("dataset.path=a=b")
    assert line.startswith("dataset.path must be a value that Hydra's grammar can read, got 'a=b' (")
    assert line.endswith("Put it in quotes.")


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
    key = word.partition("=")[0].lstrip("+")
    assert line == f"{key} must not hold '_target_', got {word!r}. Settings never name code to run."


@pytest.mark.parametrize("word", ["hydra.searchpath=[pkg://x]", "+hydra.searchpath=[file://x]", "hydra.searchpath=x"])
def test_the_search_path_is_refused_since_a_pkg_entry_is_imported(word: str) -> None:
    (line,) = find_lines(word)
    assert line.startswith("hydra.searchpath must ")
    assert "--config-dir" in line


def test_tags_are_the_users_own_names() -> None:
    words = open_free_keys(["tracking.tags.team=a", "tracking.tags={}", "seed=1"])
    assert words == ["++tracking.tags.team=a", "++tracking.tags={}", "seed=1"]
    assert find_lines(*words) == []


def test_suggestions_prefer_the_same_leaf_then_the_same_start_then_the_nearest() -> None:
    known = ["a.size", "b.size", "a.sizes", "start_here", "starter"]
    assert suggest("c.size", known) == " - did you mean a.size or b.size?"
    assert suggest("start", known) == " - did you mean start_here or starter?"
    assert suggest("a.szes", known) == " - did you mean a.sizes?"
    assert suggest("st", known) == ""
    assert suggest("a.siez", []) == ""


def test_parsing_raises_the_users_mistake_with_its_way_out() -> None:
    with pytest.raises(UserError, match=r"sampling\.prompt_file=FILE"):
        parse_override("sampling.prompt=a=b")
    assert parse_override("model.hidden_size=5").value() == 5


@pytest.mark.parametrize("value", ["9" * 5000, "-" + "9" * 5000, "[" * 2000])
def test_a_value_too_long_to_be_read_is_a_mistake(value: str) -> None:
    with pytest.raises(UserError, match="seed must be a value that Hydra's grammar can read"):
        parse_override(f"seed={value}")
