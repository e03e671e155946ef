"""Settings and their composition, printed by Hydra instead of a run."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from hydra.core.global_hydra import GlobalHydra

from charrnn_exp.config.compose import open_conf
from charrnn_exp.config.overrides import find_swept_keys, name_run


def print_settings(
    kind: str,
    words: Sequence[str],
    *,
    jobs: Sequence[Sequence[str]] | None,
    config_dir: Path | None,
    package: str | None,
    resolve: bool,
) -> None:
    """Print the settings of a run as YAML, or those of each job of a sweep as one YAML document each.

    Args:
        kind: job (the settings), hydra (Hydra's own) or all.
        words: overrides that compose, see `compose_jobs`.
        jobs: the words of each job of a sweep; None: it is one run.
        config_dir: the user's own folder of YAML groups.
        package: the group to print alone; None: all.
        resolve: whether references are printed as their values.
    """
    swept = set() if jobs is None else find_swept_keys(words)
    with open_conf(config_dir) as searchpath:
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None, "opened above"
        for i, job in enumerate([list(words)] if jobs is None else jobs):
            if jobs is not None:
                print(f"--- # job {i}: {name_run(job, swept)}")
            hydra.show_cfg("config", [*searchpath, *job], kind, package, resolve)


def print_info(topic: str, words: Sequence[str], *, config_dir: Path | None) -> None:
    """Print how Hydra composes a run: its defaults list, search path, plugins, or all of it."""
    with open_conf(config_dir) as searchpath:
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None, "opened above"
        hydra.show_info(topic, "config", [*searchpath, *words])


def print_hydra_help(parser: argparse.ArgumentParser) -> None:
    """Print Hydra's help, with the flags of the parser."""
    with open_conf(None):
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None, "opened above"
        hydra.hydra_help(None, parser, argparse.Namespace(overrides=[]))
