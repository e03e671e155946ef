"""What a request may ask for: everything else is one line, and no mistake is mended in silence."""

import json
import random
from dataclasses import replace
from typing import Any

import pytest

from charrnn_exp.errors import UserError
from charrnn_exp.sampling.filters.registry import FILTERS
from charrnn_exp.serving.orders import (
    MAX_LENGTH,
    MAX_NUMBER,
    MAX_PROMPT,
    MAX_TEXT,
    find_defaults,
    find_inputs,
    find_kinds,
    list_notes,
    parse_object,
    read_order,
    read_text,
)
from tests.conftest import compose_small

CONFIG = compose_small("sampling.temperature=0.75", "sampling.seed=5", "sampling.num_samples=3")


def refuse(values: dict[str, Any]) -> list[str]:
    with pytest.raises(UserError) as raised:
        read_order(values, CONFIG)
    return raised.value.lines


def test_what_is_left_out_is_as_the_run_has_it_and_one_text_is_drawn() -> None:
    sampling = read_order({}, CONFIG).sampling
    assert (sampling.temperature, sampling.seed, sampling.length, sampling.num_samples) == (0.75, 5, 11, 1)
    assert find_defaults(compose_small("sampling.length=1000000"))["length"] == MAX_LENGTH


def test_settings_of_a_run_beyond_the_limits_are_told_and_brought_within_them() -> None:
    """A request that says nothing is never refused for what the run has."""
    prompt = "".join(chr(0x4E00 + i) for i in range(MAX_PROMPT + 7))
    config = compose_small("sampling.length=10001", "sampling.beams=3")
    config = replace(config, sampling=replace(config.sampling, prompt=prompt))
    sampling = read_order(find_defaults(config), config).sampling
    assert sampling == read_order({}, config).sampling
    assert (sampling.prompt, sampling.length, sampling.beams) == (prompt[7:], MAX_LENGTH, None)
    notes = list(list_notes(config))
    assert [note.partition(" ")[0] for note in notes] == ["sampling.prompt", "sampling.length", "sampling.beams"]
    assert "10,007" in notes[0]
    assert list(list_notes(CONFIG)) == []
    assert list(list_notes(replace(config, sampling=replace(sampling, prompt=prompt[7:])))) == []


def test_an_input_has_the_kind_of_its_setting_and_says_whether_null_is_a_value() -> None:
    inputs = find_inputs()
    assert set(inputs) == set(find_kinds()) == set(find_defaults(CONFIG))
    assert {name: each["kind"] for name, each in inputs.items() if name in ("length", "stop", "typical_p")} == {
        "length": "integer",
        "stop": "string",
        "typical_p": "number",
    }
    for name, about in inputs.items():
        assert about["meaning"].endswith(".")
        if about["optional"]:
            assert getattr(read_order({name: None}, CONFIG).sampling, name) is None
        else:
            refuse({name: None})


def test_each_setting_of_a_text_and_each_filter_can_be_set() -> None:
    values: dict[str, Any] = {"prompt": "ab", "length": 7, "temperature": 0, "seed": 9, "stream": True, "losses": True}
    order = read_order(values, CONFIG)
    sampling = order.sampling
    assert (sampling.prompt, sampling.length, sampling.temperature, sampling.seed) == ("ab", 7, 0.0, 9)
    assert (order.is_streamed, order.has_losses) == (True, True)
    for name, each in FILTERS.built_in.items():
        value = each.valid[0]
        assert getattr(read_order({name: value}, CONFIG).sampling, name) == value


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"length": 0}, "length must be in [1, 10000], got 0."),
        ({"length": MAX_LENGTH + 1}, "length must be in [1, 10000], got 10001."),
        ({"length": "many"}, "length must be a number, got a text."),
        ({"length": "7"}, "length must be a number, got a text."),
        ({"length": 1.5}, "length must be a whole number, got 1.5."),
        ({"length": True}, "length must be no truth value."),
        ({"length": None}, "length must be a whole number, got null."),
        ({"temperature": -0.5}, "temperature must be at least 0 (0 is greedy) and finite, got -0.5."),
        ({"top_k": 0}, "top_k must be at least 1, got 0."),
        ({"seed": -1}, "seed must be in [0, 2147483647], got -1."),
        ({"prompt": ""}, "prompt must hold at least one character, got ''. null lets the text choose."),
        ({"prompt": 3}, "prompt must be a text, got a number."),
        ({"prompt": "x" * (MAX_PROMPT + 1)}, "prompt must have at most 10,000 characters, got 10,001."),
        ({"stream": 1}, "stream must be true or false, got a number."),
    ],
)
def test_a_value_that_is_none_is_one_line_that_begins_with_its_name(values: dict[str, Any], line: str) -> None:
    assert refuse(values) == [line]


@pytest.mark.parametrize("name", ["prompt_file", "num_samples", "extra", "__class__", "sampling.length", "Length", ""])
def test_nothing_else_can_be_set(name: str) -> None:
    (line,) = refuse({name: 1})
    assert line.startswith("a request must have values that are known (prompt, length, temperature, stop, seed,")
    assert line.endswith(f"got {name!r}.")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b"{}{}",
        b"{'a': 1}",
        b'{"seed": NaN}',
        b'{"seed": Infinity}',
        b'{"seed": -Infinity}',
        b'{"temperature": 1e999}',
        b'{"seed": ' + b"9" * 5000 + b"}",
        b'{"seed": ' + b"9" * 400 + b"}",
        b'{"a": 1, "a": 2}',
        b'{"a": []}',
        b'{"a": {"b": 1}}',
        b'{"a": ' * 100_000,
        b"[" * 100_000,
        b'{"a": "\xff"}',
        '{"a": "b"}'.encode("utf-16"),
        b"\xef\xbb\xbf{}",
        json.dumps({str(i): i for i in range(101)}).encode(),
    ],
)
def test_a_body_that_is_no_object_of_plain_values_is_refused_in_short_lines(raw: bytes) -> None:
    with pytest.raises(UserError) as raised:
        parse_object(raw)
    assert all(len(line) < 200 and line.isascii() for line in raised.value.lines)


def test_an_object_of_plain_values_is_read_as_it_stands() -> None:
    values = {"a": "\ud800\u4f60", "b": MAX_NUMBER, "c": -0.5, "d": None, "e": True}
    assert parse_object(json.dumps(values).encode()) == values


@pytest.mark.slow
def test_random_values_are_an_order_in_bounds_or_a_user_error() -> None:
    """3,000 requests with a fixed seed: none ends in another exception."""
    draw, num_taken = random.Random(7), 0
    pool = [None, True, 0, 1, -1, 2**53, 0.5, -0.0, 1e300, 5e-324, "", "7", "a\x00b", "\ud800", "${seed}", "???"]
    names = ["prompt", "length", "temperature", "seed", "top_k", "stream", "losses", "extra", "x"]
    for _ in range(3000):
        values = {name: draw.choice(pool) for name in draw.sample(names, draw.randrange(4))}
        try:
            sampling = read_order(values, CONFIG).sampling
        except UserError:
            continue
        num_taken += 1
        assert 1 <= sampling.length <= MAX_LENGTH
        assert sampling.num_samples == 1
        assert sampling.prompt_file is None
    assert num_taken > 300


def test_a_text_to_score_is_a_text_of_bounded_length() -> None:
    assert read_text({"text": "ab"}) == "ab"
    for values in ({}, {"text": None}, {"text": 3}, {"text": "x" * (MAX_TEXT + 1)}, {"text": "ab", "length": 3}):
        with pytest.raises(UserError):
            read_text(values)
