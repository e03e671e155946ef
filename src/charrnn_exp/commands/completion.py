"""`completion`: tab completion of the console script for bash, zsh and fish."""

from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from types import NoneType
from typing import Any, get_args

from charrnn_exp.commands.arguments import TAKES, parse_words
from charrnn_exp.commands.evaluate import SPLITS
from charrnn_exp.config.choices import list_choices
from charrnn_exp.config.conf_folder import find_conf_folder, list_groups
from charrnn_exp.config.overrides import list_settings
from charrnn_exp.config.schema import Config
from charrnn_exp.errors import UserError
from charrnn_exp.run_folder.folder import list_runs

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
FLAGS = ("--help", "--version", "--cfg", "--config-dir", "-m")
MAX_RUNS = 20


def completion(words: Sequence[str]) -> None:
    """Print the script that makes `shell=bash|zsh|fish` complete; the script asks back with `line=`.

    Raises:
        UserError: if there is no script for the shell.
    """
    own = parse_words(words, verb="completion").own
    if "line" in own:
        print("\n".join(complete(own["line"])))
    elif own.get("shell") in SCRIPTS:
        print(SCRIPTS[own["shell"]], end="")
    else:
        raise UserError(f"shell must be one of {', '.join(SCRIPTS)}, got {own.get('shell')!r}. See completion --help.")


def complete(line: str) -> list[str]:
    """Return what the last word of a command line may become.

    >>> complete("charrnn-exp res")
    ['resume']
    >>> complete("charrnn-exp model.cell=l")
    ['model.cell=lstm']
    >>> complete("charrnn-exp -m dataset=linux,sh")
    ['dataset=linux,shakespeare']
    >>> complete("charrnn-exp sample checkpoint=")
    ['checkpoint=last', 'checkpoint=best']
    """
    _, *before, word = line.split(" ") if " " in line else ("", line)
    verb = next((each for each in before if each), "train")
    key, equals, value = word.partition("=")
    if equals:
        done, comma, _ = value.rpartition(",")
        candidates = [f"{key}={done}{comma}{each}" for each in _list_values(verb, key)]
    else:
        candidates = list(_list_words(verb, first=not any(before)))
    return [each for each in candidates if each.startswith(word)]


def _list_words(verb: str, *, first: bool) -> Iterable[str]:
    """Yield what a word without a '=' may become: a verb, a setting up to its value, a flag."""
    if first:
        yield from (name for name in TAKES if name != "completion")
    if verb in TAKES:
        own, settings = TAKES[verb]
        yield from (f"{name}=" for name in (*own, *_matching(settings)))
    else:
        yield from FLAGS
        yield from (f"{name}=" for name in (*list_groups([find_conf_folder()]), *list_settings()))


def _matching(prefixes: Sequence[str]) -> list[str]:
    return [key for key in list_settings() if key.startswith(tuple(prefixes))]


def _list_values(verb: str, key: str) -> list[str]:
    """Return what may follow `key=`; nothing where any text may, and the shell offers files."""
    match key:
        case "run" | "training.init_from":
            return ["latest", *(str(run.path) for run in list_runs()[-MAX_RUNS:])]
        case "checkpoint":
            return ["last", "best"]
        case "split":
            return [*SPLITS, "all"]
        case "shell":
            return list(SCRIPTS)
        case _:
            return list_groups([find_conf_folder()]).get(key) or _list_options(key, _find_type(key))


def _find_type(key: str) -> Any:
    kind: Any = Config
    for name in key.split("."):
        kind = next((field.type for field in fields(kind) if field.name == name), None) if is_dataclass(kind) else None
    return kind


def _list_options(key: str, kind: Any) -> list[str]:
    if choices := list_choices(key, kind):
        return choices
    if kind is bool:
        return ["true", "false"]
    return ["null"] if NoneType in get_args(kind) else []
