"""`sample interactive=true`: a person types, the model goes on."""

import contextlib
import io
import signal
import sys
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from charrnn_exp.commands.command import Command
from charrnn_exp.errors import CharRNNError, UserError
from charrnn_exp.streams import escape_line, write_error

HELP = """\
What you type is added to the text, and the model goes on from there. An empty line lets it go on; a backslash at the
end of a line is a line break; Ctrl-C stops it, Ctrl-D ends.
  :temperature 0.5   sets sampling.temperature, and so on for length, top_k, top_p, min_p, stop, seed ...
  :undo              takes back what you typed last, with what the model made of it
  :text              shows the whole text
  :new               starts anew
  :help  :quit
A line that begins with '::' begins with ':'.
"""
KNOWN_WORDS = ("undo", "text", "new", "help", "quit")
FIXED = ("prompt", "prompt_file", "beams", "num_samples", "every_epochs", "every_steps")
"""Settings of sampling that have no place in a conversation."""


def check_talk(asked: Sequence[Any]) -> None:
    """Refuse what has no place in a conversation.

    Raises:
        UserError: if more than one text is asked for at a time.
    """
    sampling = asked[0].config.sampling
    if len(asked) > 1 or sampling.beams is not None or sampling.num_samples != 1:
        raise UserError("interactive must be left out with -m, sampling.beams and sampling.num_samples, got true.")


def talk(opened: Any, command: Command) -> None:
    """Read lines from standard input until its end and write what the model makes of each.

    Args:
        opened: what is asked for, one text.
        command: the verb, which says what may be set.
    """
    from charrnn_exp.sampling.conversation import Conversation

    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")  # bytes that are no text: a model of bytes takes them
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  gives input() its history
    signal.signal(signal.SIGINT, signal.default_int_handler)
    conversation, is_typed = Conversation(opened), sys.stdin.isatty()
    if is_typed:
        print("Type, and the model goes on; :help", flush=True)
    while (line := _read_line("> " if is_typed else "")) is not None:
        try:
            if not _obey(conversation, line, command):
                return
        except CharRNNError as error:
            for each in error.lines:
                write_error(f"error: {escape_line(each)}")


def _read_line(sign: str) -> str | None:
    """Return the next line; None at the end of the input. Ctrl-C gives up a line that is not finished."""
    while True:
        try:
            return input(sign)
        except KeyboardInterrupt:
            print(flush=True)
        except EOFError:
            print(end="\n" if sign else "", flush=True)
            return None


def _obey(conversation: Any, line: str, command: Command) -> bool:
    """Do what a line says; return whether there is to be another.

    Raises:
        UserError: if it cannot be done.
    """
    if not line.startswith(":") or line.startswith("::"):
        _answer(conversation, line.removeprefix(":") if line.startswith("::") else line)
        return True
    from charrnn_exp.views.terminal import write_stream

    name, _, value = line[1:].strip().partition(" ")
    match name:
        case "quit" | "q":
            return False
        case "help":
            print(HELP, end="", flush=True)
        case "undo":
            write_stream(f"{conversation.text if conversation.undo() else 'there is nothing to undo'}\n")
        case "text":
            write_stream(f"{conversation.text}\n")
        case "new":
            conversation.restart()
        case _:
            _set(conversation, name, value.strip(), command)
    return True


def _answer(conversation: Any, line: str) -> None:
    from charrnn_exp.views.terminal import write_stream

    try:
        for piece in conversation.answer(f"{line[:-1]}\n" if line.endswith("\\") else line):
            write_stream(piece)
    except KeyboardInterrupt:
        pass
    write_stream("\n")


def _set(conversation: Any, name: str, value: str, command: Command) -> None:
    """Change a setting of sampling.

    Raises:
        UserError: if there is no such setting, or the value is not allowed.
    """
    from charrnn_exp.commands.arguments import change_config, parse_arguments
    from charrnn_exp.config.overrides import suggest
    from charrnn_exp.config.reading import to_values
    from charrnn_exp.config.schema import SamplingConfig
    from charrnn_exp.sampling.seed import settle_seed

    name = name.removeprefix("sampling.")
    if name in FIXED:
        raise UserError(f"{name} must be given where the conversation starts: sample interactive=true sampling.{name}=")
    known = [field.name for field in fields(SamplingConfig)]
    if name.partition(".")[0] not in known:
        hint = suggest(name, [*known, *KNOWN_WORDS]) or "."
        listed = ", ".join(f":{word}" for word in KNOWN_WORDS)
        raise UserError(f":{name} must be a setting of sampling or one of {listed}{hint}")
    arguments = parse_arguments([f"sampling.{name}={value}"], command)
    config = change_config(to_values(conversation.config), arguments)
    conversation.set(replace(config, sampling=settle_seed(config.sampling)))
    print(f"sampling.{name} = {getattr(conversation.config.sampling, name, value)}", flush=True)
