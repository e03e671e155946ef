"""`--help`, made from the declarations of the verbs."""

import textwrap
from collections.abc import Iterator, Sequence

from charrnn_exp.commands.registry import COMMANDS, list_commands
from charrnn_exp.config.conf_folder import find_conf_folder, list_groups
from charrnn_exp.config.offered import OFFERED
from charrnn_exp.program import name_program

MAIN = """\
charrnn_exp: experiments with character-level recurrent language models.

  {program} [VERB] [setting=value ...]

VERBS (each has its own --help)
{verbs}

GROUPS AND THEIR OPTIONS (group=option)
{groups}
{offered}
EXAMPLES
  {program}                                              a first model of Python code, no network needed
  {program} dataset=shakespeare model.hidden_size=512    Shakespeare, a larger model
  {program} dataset=file dataset.path=book.txt training.epochs=20
  {program} -m model.hidden_size=128,256,512             a sweep of three runs
  {program} sampling.prompt="To be, or not"              any text, quoted for your shell (twice in a sweep);
                                                                     or sampling.prompt_file=FILE (- is standard input)

FLAGS
  -m             sweep over values with commas    --cfg job         show all settings of this run, do nothing
  --config-dir   a folder of your own YAML groups --version         of this package
  --hydra-help   Hydra's own flags

What a setting means: --help model.dropout; all of a group: --help optimizer. Values: conf/.
"""

OFFERED_HEAD = """
OPTIONS OF INSTALLED PACKAGES
"""
WIDTH = 119


def show_help(words: Sequence[str]) -> None:
    """Print the help of a verb, of settings, or the main one."""
    program = name_program()
    if asked := find_asked(words):
        if asked[0] not in COMMANDS.built_in:
            from charrnn_exp.config.describe import describe  # only then: YAML takes as long as all the rest of --help

            print("\n".join([describe(key) for key in asked]), end="")
            return
        words = asked
    if words[0] in COMMANDS.built_in:
        command = COMMANDS.built_in[words[0]]
        print(f"{program} {command.usage}\n\n{command.details.format(program=program)}", end="")
        return
    verbs = "\n".join(f"  {command.name:<11} {command.summary}" for command in list_commands())
    groups = "\n".join(f"  {n:<11}{', '.join(o)}" for n, o in list_groups([find_conf_folder()]).items())
    offered = "".join(f"{line}\n" for line in _describe_offered())
    head = OFFERED_HEAD if offered else ""
    print(MAIN.format(program=program, verbs=verbs, groups=groups, offered=head + offered), end="")


def find_asked(words: Sequence[str]) -> list[str]:
    """Return the words after `--help`, without flags, without the signs of Hydra's grammar and without values.

    >>> find_asked(["--help", "model.dropout=0.5", "++seed=3", "-m"])
    ['model.dropout', 'seed']
    """
    flags = [place for place, word in enumerate(words) if word in ("-h", "--help")]
    after = words[flags[0] + 1 :] if flags else []
    return [word.partition("=")[0].lstrip("+~") for word in after if not word.startswith("-")]


def _describe_offered() -> Iterator[str]:
    """Yield the options that installed packages offer, each with its package, or the reason why it is not usable."""
    for prefix, registry in OFFERED.items():
        usable = [name for name in registry.list_offered() if registry.find_problem(name) is None]
        for name in usable:
            line = f"{prefix}{name}  ({registry.find_origin(name)})  {registry.find(name).meaning}"
            yield from _wrap(line)
        for name, problem in registry.find_problems().items():
            yield from _wrap(f"not usable: {prefix}{name}{problem.removeprefix(repr(name))}")


def _wrap(line: str) -> list[str]:
    shown = "".join(c if c.isascii() and c.isprintable() else "?" for c in line)
    return textwrap.wrap(shown, WIDTH, initial_indent="  ", subsequent_indent="      ")
