"""Each way to fail has its own exit code and tells a line a problem."""

import signal

import pytest

from charrnn_exp.errors import CharRNNError, Interrupted, MachineError, UserError, one_line


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CharRNNError("a"), 1),
        (UserError("a"), 2),
        (MachineError("a"), 3),
        (Interrupted(signal.SIGINT, "a"), 130),
        (Interrupted(signal.SIGTERM, "a"), 143),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_every_failure_has_its_exit_code(error: CharRNNError, code: int) -> None:
    assert error.exit_code == code
    assert isinstance(error, CharRNNError)
    assert error.lines == ["a"]


def test_an_error_tells_all_its_lines() -> None:
    error = UserError("one", "two")
    assert error.lines == ["one", "two"]
    assert str(error) == "one\ntwo"


def test_the_codes_of_one_kind_do_not_leak_into_another() -> None:
    Interrupted(signal.SIGTERM)
    assert (CharRNNError.exit_code, Interrupted.exit_code, Interrupted(signal.SIGINT).exit_code) == (1, 1, 130)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("a\n  b\tc "), "a b c"),
        (ValueError("a\r\u2028b\x85c"), "a b c"),
        (ValueError(), "ValueError"),
        (ValueError(" \n"), "ValueError"),
        (KeyError("a\nb"), "'a\\nb'"),
    ],
)
def test_the_words_of_any_error_fit_on_one_line(error: Exception, words: str) -> None:
    assert one_line(error) == words
