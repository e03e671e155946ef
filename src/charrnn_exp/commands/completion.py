"""`completion`: tab completion of the console script for bash, zsh and fish."""

from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from types import NoneType
from typing import Any, get_args

from charrnn_exp.commands.command import Command, Word, offer_runs
from charrnn_exp.commands.registry import COMMANDS, list_commands
from charrnn_exp.config.choices import list_choices
from charrnn_exp.config.conf_folder import find_conf_folder, list_groups
from charrnn_exp.errors import UserError

DETAILS = """\
Prints what makes the shell complete verbs, settings, their options and the runs below outputs/ with the tab key:
  eval "$(charrnn-exp completion shell=bash)"         in ~/.bashrc
  eval "$(charrnn-exp completion shell=zsh)"          in ~/.zshrc
  charrnn-exp completion shell=fish | source          in ~/.config/fish/config.fish
"""
BASH = """\
_charrnn_exp() {
    local line="${COMP_LINE:0:COMP_POINT}" IFS=$'\\n'
    local word="${line##*[[:space:]]}"
    # bash cuts words at '=' and ':' and completes the last piece only
    local kept="${word%"${word##*[=:]}"}"
    COMPREPLY=($(charrnn-exp completion "line=$line" 2>/dev/null))
    COMPREPLY=("${COMPREPLY[@]#"$kept"}")
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[=.,] ]]; then compopt -o nospace 2>/dev/null; fi
}
complete -o default -F _charrnn_exp charrnn-exp
"""
ZSH = """\
_charrnn_exp() {
    local -a found
    found=("${(@f)$(charrnn-exp completion "line=${(j: :)words[1,CURRENT]}" 2>/dev/null)}")
    compadd -S '' -- ${(M)found:#*=}
    compadd -- ${found:#*=} || _files
}
compdef _charrnn_exp charrnn-exp
"""
FISH = """\
complete -c charrnn-exp -a '(charrnn-exp completion "line="(commandline -cp) 2>/dev/null)'
"""
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def run(words: Sequence[str]) -> None:
    """Print the completion script of `shell=bash|zsh|fish`; with `line=`, which that script passes, the completions.

    Raises:
        UserError: if there is no script for the shell.
    """
    from charrnn_exp.commands.arguments import parse_arguments

    given = parse_arguments(words, COMMAND).arguments
    if "line" in given:
        print("\n".join(complete(given["line"])))
    elif given.get("shell") in SCRIPTS:
        print(SCRIPTS[given["shell"]], end="")
    else:
        raise UserError(
            f"shell must be one of {', '.join(SCRIPTS)}, got {given.get('shell')!r}. See completion --help."
        )


def complete(line: str) -> list[str]:
    """Return the completions of the last word of a command line.

    >>> complete("charrnn-exp res")
    ['resume']
    >>> complete("charrnn-exp model.cell=l")
    ['model.cell=lstm']
    >>> complete("charrnn-exp -m dataset=linux,sh")
    ['dataset=linux,shakespeare']
    >>> complete("charrnn-exp sample checkpoint=")
    ['checkpoint=last', 'checkpoint=best']
    """
    _, *typed_words, word = line.split(" ") if " " in line else ("", line)
    typed = next((each for each in typed_words if each), "train")
    command = COMMANDS.built_in.get(typed, COMMANDS.built_in["train"])
    key, equals, value = word.partition("=")
    if equals:
        done, comma, _ = value.rpartition(",")
        candidates = [f"{key}={done}{comma}{each}" for each in _list_values(command, key)]
    else:
        candidates = list(_list_words(command, first=not any(typed_words)))
    return [each for each in candidates if each.startswith(word)]


def _list_words(command: Command, *, first: bool) -> Iterable[str]:
    """Yield the completions of a word without '=': verbs, settings with '=', flags."""
    from charrnn_exp.config.offered import list_offered_keys
    from charrnn_exp.config.overrides import list_settings

    if first:
        yield from (each.name for each in list_commands() if each.name not in ("train", "completion"))
    yield from command.flags
    yield from (f"{word.name}=" for word in command.words)
    yield from (f"{name}=" for name in list_groups([find_conf_folder()]) if command.takes_group(name))
    settings = [key for key in list_settings() if not key.endswith(".extra")]
    yield from (f"{key}=" for key in (*settings, *list_offered_keys()) if command.takes_setting(key))


def _list_values(command: Command, key: str) -> list[str]:
    """Return the values that may follow `key=`; none where any text may, and the shell offers files."""
    offered = {word.name: word for word in command.words}
    if key in offered:
        return offered[key].offer()
    if key == "training.init_from":
        return offer_runs()
    return list_groups([find_conf_folder()]).get(key) or _list_options(key)


def _list_options(key: str) -> list[str]:
    """Return the values of a setting that can be listed: choices, true and false, null."""
    from charrnn_exp.config.offered import list_offered_keys

    kind = _find_type(key)
    if choices := list_choices(key, kind):
        return choices
    if kind is bool:
        return ["true", "false"]
    return ["null"] if NoneType in get_args(kind) or key in list_offered_keys() else []


def _find_type(key: str) -> Any:
    from charrnn_exp.config.schema import Config

    kind: Any = Config
    for name in key.split("."):
        kind = next((field.type for field in fields(kind) if field.name == name), None) if is_dataclass(kind) else None
    return kind


COMMAND = Command(
    name="completion",
    order=10,
    summary="tab completion of the console script charrnn-exp",
    usage="completion shell=bash|zsh|fish",
    details=DETAILS,
    words=(Word("shell", lambda: list(SCRIPTS)), Word("line")),
    run=run,
)
