"""The errors that are shown to the user, each with its exit code."""


class CharRNNError(Exception):
    """An error that is shown as plain lines, without a traceback.

    Args:
        lines: one for each problem: the key or place, the expected and the found value, and the way out.
    """

    exit_code = 1

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = list(lines)


class UserError(CharRNNError):
    """An error that the user can mend: a setting, a file, a prompt, a loss that is not finite. Exit code 2."""

    exit_code = 2


class MachineError(CharRNNError):
    """An error of the machine: disk, permission, corrupt checkpoint. Exit code 3."""

    exit_code = 3


class Interrupted(CharRNNError):
    """A signal or a closed pipe (SIGPIPE) stopped the run, after a checkpoint. Exit code 128 + signal."""

    def __init__(self, signal_number: int, *lines: str) -> None:
        super().__init__(*lines)
        self.signal_number = signal_number
        self.exit_code = 128 + signal_number


def one_line(error: BaseException) -> str:
    """Return the message of an exception on one line, or its class name where it has none.

    >>> one_line(ValueError("a\\n  b"))
    'a b'
    """
    return " ".join(str(error).split()) or type(error).__name__
