"""Hydra's lists, ranges and intervals as the values that a search may choose."""

import pytest

from charrnn_exp.config.compose import compose_all, open_conf
from charrnn_exp.config.space import Choice, Numbers, Parameter, list_probes, read_space, write_values
from charrnn_exp.errors import UserError


def read(word: str) -> Choice | Numbers:
    with open_conf():
        (parameter,), fixed = read_space([word])
    assert fixed == []
    return parameter


@pytest.mark.parametrize(
    ("word", "values"),
    [
        ("model.hidden_size=choice(64,128)", ["64", "128"]),
        ("model.hidden_size=64,128,64", ["64", "128"]),
        ("optimizer=adam,sgd", ["adam", "sgd"]),
        ("name='a b','c'", ["a b", "c"]),
        ("seed=shuffle(range(1,3))", ["1", "2"]),
        ("optimizer=glob(a*)", ["adam", "adamw"]),
    ],
)
def test_a_list_is_a_choice_of_its_words(word: str, values: list[str]) -> None:
    parameter = read(word)
    assert isinstance(parameter, Choice)
    assert sorted(value.strip("'") for value in parameter.values) == sorted(values)


@pytest.mark.parametrize(
    ("word", "low", "high", "step", "is_log"),
    [
        ("optimizer.learning_rate=tag(log,interval(1e-4,1e-2))", 1e-4, 1e-2, None, True),
        ("model.dropout=interval(0,0.5)", 0.0, 0.5, None, False),
        ("model.hidden_size=interval(5,9)", 5, 9, 1, False),
        ("model.hidden_size=tag(log,int(interval(5,9)))", 5, 9, 1, True),
        ("seed=range(1,5)", 1, 4, 1, False),
        ("seed=range(5)", 0, 4, 1, False),
        ("seed=range(9,1,-3)", 3, 9, 3, False),
        ("model.dropout=range(0,0.5,0.25)", 0.0, 0.25, 0.25, False),
        ("seed=tag(log,range(1,9))", 1, 8, 1, True),
    ],
)
def test_numbers_have_their_ends_and_step(word: str, low: float, high: float, step: float | None, is_log: bool) -> None:
    parameter = read(word)
    assert isinstance(parameter, Numbers)
    assert (parameter.low, parameter.high, parameter.step, parameter.is_log) == (low, high, step, is_log)
    assert parameter.is_whole == isinstance(low, int)


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("model.dropout=interval(0.5,0)", "from a lower to a higher number"),
        ("model.hidden_size=interval(5.5,9)", "an interval of whole numbers"),
        ("optimizer.learning_rate=tag(log,interval(0,1))", "above 0 for tag(log,...)"),
        ("optimizer.learning_rate=tag(fast,interval(0.1,1))", "no tag but log, got fast"),
        ("seed=tag(log,range(1,9,2))", "a step of 1 for tag(log,...)"),
        ("seed=tag(log,choice(1,2))", "an interval or a range for tag(log,...)"),
        ("seed=range(5,5)", "must have a value"),
        ("dataset=glob(qqq*)", "must have a value"),
    ],
)
def test_values_that_no_sampler_can_draw_from_are_a_mistake(word: str, reason: str) -> None:
    with pytest.raises(UserError) as caught:
        read(word)
    (line,) = caught.value.lines
    assert line.startswith(word.partition("=")[0] + " must ")
    assert reason in line


def test_a_later_word_replaces_an_earlier_one() -> None:
    with open_conf():
        space, fixed = read_space(["seed=1,2", "name=a", "seed=7", "name=b,c"])
    assert [each.key for each in space] == ["name"]
    assert fixed == ["seed=7"]


def test_each_value_of_a_list_and_each_end_of_numbers_is_checked_once() -> None:
    space: list[Parameter] = [Choice("a", "+a", "", ["x", "y", "z"]), Numbers("b", "b", "", 1, 9, 1, False)]
    assert list_probes(space, ["c=1"]) == [
        ["c=1", "+a=x", "b=1"],
        ["c=1", "+a=y", "b=1"],
        ["c=1", "+a=z", "b=1"],
        ["c=1", "+a=x", "b=9"],
    ]


@pytest.mark.parametrize("value", [1e-05, 0.1 + 0.2, 1e-300, 5.0])
def test_a_number_is_written_so_that_it_is_read_as_the_same(value: float) -> None:
    space = [Numbers("optimizer.learning_rate", "optimizer.learning_rate", "", 0, 1e300, None, False)]
    (composed,) = compose_all(write_values(space, {"optimizer.learning_rate": value}))
    assert composed.config.optimizer.learning_rate == value


def test_a_choice_among_texts_composes_to_the_very_texts() -> None:
    parameter = read("tracking.run_name='it\\'s','b, c','d e'")
    jobs = list_probes([parameter], [])
    assert [compose_all(words)[0].config.tracking.run_name for words in jobs] == ["it's", "b, c", "d e"]
