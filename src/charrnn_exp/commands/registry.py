"""All verbs."""

from charrnn_exp.commands.command import Command
from charrnn_exp.options import Registry

COMMANDS = Registry("charrnn_exp.commands", "COMMAND", Command)


def list_commands() -> list[Command]:
    """Return the verbs in the order of the main help."""
    return sorted(COMMANDS.built_in.values(), key=lambda command: command.order)
