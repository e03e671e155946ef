"""The three ways in which a run can fail, each with its exit code."""


class CharRNNError(Exception):
    """A failure that is told in plain lines, without a traceback.

    Args:
        lines: one problem each, in words that name the key or place, what was expected, what was got, the way out.
    """

    exit_code = 1

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = list(lines)


class UserError(CharRNNError):
    """The user can mend it: a setting, a file, a prompt. Exit code 2."""

    exit_code = 2


class MachineError(CharRNNError):
    """The machine must be mended: disk, permission, corrupt checkpoint, a loss that is not a number. Exit code 3."""

    exit_code = 3


class Interrupted(CharRNNError):
    """SIGINT or SIGTERM asked the run to stop, and it did, with a checkpoint. Exit code 128 + signal."""

    def __init__(self, signal_number: int, *lines: str) -> None:
        super().__init__(*lines)
        self.signal_number = signal_number
        self.exit_code = 128 + signal_number


def one_line(error: BaseException) -> str:
    """Return the words of an exception on one line, or its name where it has none.

    >>> one_line(ValueError("a\\n  b"))
    'a b'
    """
    return " ".join(str(error).split()) or type(error).__name__
