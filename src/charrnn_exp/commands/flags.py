"""The flags of `train`: Hydra's useful ones, and an error for each of the others."""

import argparse
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import NoReturn

from charrnn_exp.config.conf_folder import find_conf_folder, list_groups
from charrnn_exp.config.overrides import explain_flag, list_settings
from charrnn_exp.errors import UserError
from charrnn_exp.files import find_path

INFO = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")


@dataclass(frozen=True, kw_only=True)
class Flags:
    """The words after `train`, parsed.

    Args:
        overrides: `key=value` words, as typed.
        multirun: whether they are a sweep.
        config_dir: a folder of the user's own YAML groups; None: none.
        cfg: the settings to print instead of a run: job, hydra or all; None: none.
        package: the group of settings to print alone; None: all groups.
        resolve: whether references are printed as their values.
        info: the view of Hydra's composition to print instead of a run; None: nothing.
        hydra_help: whether to print Hydra's help instead of a run.
    """

    overrides: list[str]
    multirun: bool
    config_dir: Path | None
    cfg: str | None
    package: str | None
    resolve: bool
    info: str | None
    hydra_help: bool


def parse_flags(words: Sequence[str]) -> Flags:
    """Parse the words after `train`.

    Raises:
        UserError: with a line for each flag that is unknown, useless here, or in conflict with another.
    """
    parser = make_parser()
    # The value of --info may be left out; an override after it is none.
    pairs = zip_longest(words, words[1:], fillvalue="")
    written = ["--info=all" if word in ("--info", "-i") and "=" in after else word for word, after in pairs]
    typed, unknown = parser.parse_known_intermixed_args(written)
    if unknown:
        known = [*list_settings(), *list_groups([find_conf_folder()])]
        raise UserError(*(_explain_unknown(flag, words, known) for flag in unknown))
    typed.multirun = typed.multirun or "hydra.mode=MULTIRUN" in typed.overrides
    if problems := list(_find_problems(typed)):
        raise UserError(*problems)
    return Flags(
        overrides=typed.overrides,
        multirun=typed.multirun,
        config_dir=_check_config_dir(typed.config_dir),
        cfg=typed.cfg,
        package=typed.package,
        resolve=typed.resolve,
        info=typed.info,
        hydra_help=typed.hydra_help,
    )


def make_parser() -> argparse.ArgumentParser:
    """Return the parser; it knows all flags of Hydra, to name those that are useless here."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)

    def refuse(message: str) -> NoReturn:
        raise UserError(f"cannot read the command line: {message}. See --help.")

    parser.error = refuse  # type: ignore[method-assign]
    parser.add_argument("overrides", nargs="*", help="key=value words that change settings")
    parser.add_argument("--run", "-r", action="store_true", help="run one job, as without a flag")
    parser.add_argument("--multirun", "-m", action="store_true", help="run a job for each combination of values")
    parser.add_argument("--cfg", "-c", choices=["job", "hydra", "all"], help="print the settings instead of a run")
    parser.add_argument("--package", "-p", help="beside --cfg job: print this group alone")
    parser.add_argument("--resolve", action="store_true", help="beside --cfg: print references as their values")
    parser.add_argument("--config-dir", "-cd", help="a folder of your own YAML groups")
    parser.add_argument("--info", "-i", const="all", nargs="?", choices=INFO, help="print how Hydra composes")
    parser.add_argument("--hydra-help", action="store_true", help="print Hydra's help")
    for flags in (("--config-path", "-cp"), ("--config-name", "-cn"), ("--experimental-rerun",)):
        parser.add_argument(*flags, help="of Hydra, without use here")
    parser.add_argument("--shell-completion", "-sc", action="store_true", help="of Hydra, without use here")
    return parser


def _explain_unknown(flag: str, words: Sequence[str], known: Sequence[str]) -> str:
    after = words[words.index(flag) + 1 :] if flag in words else []
    value = after[0] if after and "=" not in after[0] and not after[0].startswith("-") else None
    return (
        explain_flag(flag, value, known) or f"cannot read the command line: unrecognized arguments: {flag}. See --help."
    )


def _find_problems(typed: argparse.Namespace) -> Iterator[str]:
    for flag in ("config_path", "config_name", "experimental_rerun"):
        if getattr(typed, flag) is not None:
            yield (
                f"--{flag.replace('_', '-')} must be left out, got {getattr(typed, flag)!r}. "
                "Use --config-dir for settings of your own, and resume to go on with a run."
            )
    if typed.shell_completion:
        yield "--shell-completion must be left out: there is none. --cfg job shows all settings."
    given = [flag for flag in ("run", "multirun", "cfg", "info") if getattr(typed, flag)]
    if len(given) > 1 and given != ["multirun", "cfg"]:
        yield f"one of --run, --multirun, --cfg and --info must be given at most, got --{' and --'.join(given)}."
    if typed.resolve and not typed.cfg:
        yield "--resolve must stand beside --cfg job, got it alone."
    groups = {key.rpartition(".")[0] for key in list_settings()} - {""}
    if typed.package is not None and (typed.cfg != "job" or typed.package not in groups):
        yield (
            f"--package must stand beside --cfg job and be one of {', '.join(sorted(groups))}, got {typed.package!r}."
        )


def _check_config_dir(config_dir: str | None) -> Path | None:
    if config_dir is None:
        return None
    path = find_path(config_dir).absolute()
    if not os.path.isdir(path):  # says no, too, to a name that no file system has
        raise UserError(f"--config-dir must be a folder with YAML groups, got {path}, which is none.")
    return path
