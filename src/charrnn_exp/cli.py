"""The command line: finds the verb, runs it, and ends the process with its exit code."""

import contextlib
import os
import re
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Sequence
from typing import NoReturn

from charrnn_exp.commands.registry import COMMANDS, list_commands
from charrnn_exp.errors import CharRNNError, Interrupted, MachineError, UserError, one_line
from charrnn_exp.signals import remember_interrupts
from charrnn_exp.streams import escape_line, escape_unknown_characters, write_error

BUG = 1


def run() -> NoReturn:
    """Run the command line and end the process."""
    escape_unknown_characters()
    _silence_libraries()
    code = main(sys.argv[1:])
    # Flushed here and ended at once: a normal exit waits a second for TensorFlow's idle threads.
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    if (cache := sys.modules.get("charrnn_exp.machine.compiled_cache")) is not None:  # TensorFlow was imported
        cache.keep_compiled()
        cache.close_compiled()
    os._exit(code)


def main(words: Sequence[str]) -> int:
    """Run the verb that the words name; return the exit code.

    0 success; 1 a bug; 2 a mistake of the user; 3 an error of the machine; 129, 130 and 143 after SIGHUP, SIGINT and
    SIGTERM; 141 if the reader of the output closed it.
    """
    try:
        if not {"-h", "--help"}.isdisjoint(words):
            from charrnn_exp.commands.help import show_help

            show_help(words)
            return 0
        if "--version" in words:
            from charrnn_exp import __version__

            print(__version__)
            return 0
        _check_encoding(words)
        verb, rest = split_verb(words)
        with remember_interrupts():
            find_command(verb)(rest)
        return 0
    except Interrupted as interrupted:
        _print_error(one_line(interrupted))
        return interrupted.exit_code
    except CharRNNError as error:
        for line in error.lines:
            _print_error(f"error: {line}")
        return error.exit_code
    except KeyboardInterrupt:
        _print_error("interrupted")
        return 128 + signal.SIGINT
    except BrokenPipeError:
        return 128 + signal.SIGPIPE
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else BUG if ended.code else 0
    except OSError as error:
        place = error.filename or "the output"
        _print_error(
            f"error: cannot access {place} ({error.strerror or one_line(error)}): mend its rights or free space."
        )
        return MachineError.exit_code
    except Exception as error:
        _print_error(f"bug: {type(error).__name__}: {one_line(error)} (traceback in {_write_traceback()})")
        return BUG


def split_verb(words: Sequence[str]) -> tuple[str, list[str]]:
    """Return the verb and the words after it; a first word that is bare letters is a verb, none means train.

    >>> split_verb(["sample", "run=latest"])
    ('sample', ['run=latest'])
    >>> split_verb(["model.hidden_size=512"])
    ('train', ['model.hidden_size=512'])

    Raises:
        UserError: if there is no such verb.
    """
    if not words or not re.fullmatch("[a-z]+", words[0]):
        return "train", list(words)
    if words[0] not in COMMANDS.built_in:
        from charrnn_exp.config.overrides import list_settings, suggest

        verbs = [command.name for command in list_commands()]
        hint = suggest(words[0], [*verbs, "--help", "--version", "--cfg job", "-m"])
        if not hint and (setting := suggest(words[0], list_settings())):
            hint = f"{setting.rstrip('?').replace(' or ', '=VALUE or ')}=VALUE?"
        raise UserError(f"unknown verb {words[0]!r}{hint or '.'} Known: {', '.join(verbs)}.")
    return words[0], list(words[1:])


def find_command(verb: str) -> Callable[[Sequence[str]], None]:
    """Return the function that a verb runs."""
    return COMMANDS.find(verb).run


def _silence_libraries() -> None:
    """Ignore Python's warnings from libraries, unless `-W` or PYTHONWARNINGS asks for some.

    Libraries hide warnings with `catch_warnings`, which is not thread-safe: it fails where two threads import at once.
    """
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
        warnings.filterwarnings("default", module="charrnn_exp")


def _check_encoding(words: Sequence[str]) -> None:
    """Refuse bytes that are no text in the locale's encoding: Python hands them on as halves of surrogate pairs."""
    problems = [f"the command line must be text, got {word!r}." for word in words if not _is_text(word)]
    if problems:
        raise UserError(*problems)


def _is_text(word: str) -> bool:
    return not any(0xD800 <= ord(c) <= 0xDFFF for c in word)


def _print_error(line: str) -> None:
    """Print one line; unprintable characters are escaped."""
    write_error(escape_line(line))


def _write_traceback() -> str:
    with tempfile.NamedTemporaryFile("w", prefix="charrnn_exp_", suffix=".log", delete=False) as file:
        traceback.print_exc(file=file)
    return file.name
