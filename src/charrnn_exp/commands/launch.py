"""An experiment or a sweep as Hydra runs it: overrides and flags."""

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any, NoReturn

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from charrnn_exp.config.compose import compose_jobs
from charrnn_exp.config.conf_folder import find_conf_folder
from charrnn_exp.config.overrides import find_swept_keys, list_settings, open_free_keys
from charrnn_exp.config.reading import read_config
from charrnn_exp.config.schema import Config
from charrnn_exp.data.preparation import PreparedText
from charrnn_exp.data.prompt import STANDARD_INPUT, keep_typed, read_typed
from charrnn_exp.errors import Interrupted, MachineError, UserError, one_line
from charrnn_exp.experiment.initial_weights import find_sources, keep_source
from charrnn_exp.experiment.prepare import prepare_run, start_run
from charrnn_exp.machine.tensorflow import find_process_start
from charrnn_exp.run_folder.folder import RunFolder, shorten
from charrnn_exp.training.transfer import InitialWeights

MAX_RUN_NAME = 250
SWITCHES = ("hydra_help", "run", "multirun", "resolve")
VALUE_FLAGS = ("cfg", "package", "info", "config_dir")
"""Hydra's flags, without and with a value, that are handed on to it."""


def train(words: Sequence[str]) -> None:
    """Run one experiment, or a sweep with -m.

    Raises:
        CharRNNError: if the settings, the text or the machine are not fit for it.
    """
    arguments = _parse(words)
    overrides = open_free_keys(arguments.overrides)
    config_dir = _check_config_dir(arguments.config_dir)
    multirun = arguments.multirun
    configs = compose_jobs(overrides, multirun=multirun, config_dir=config_dir)
    # A single run's text is read before Hydra makes its folder; a sweep's texts one by one, each as its job's own.
    only_shows = arguments.cfg or arguments.info or arguments.hydra_help
    from_input = any(config.sampling.prompt_file == STANDARD_INPUT for config in configs) and not only_shows
    settle = _Settled(read_typed() if from_input else None, {} if only_shows else find_sources(configs))
    prepared = None if multirun or only_shows else prepare_run(settle(configs[0]))
    swept = find_swept_keys(overrides) if multirun else set()
    failures: list[tuple[str, Exception]] = []

    def run_job(composed: DictConfig) -> None:
        try:
            _run_job(composed, prepared, settle, swept, began=time.time() if multirun else find_process_start())
        except Interrupted as error:
            raise _HydraPasses(error) from error
        except Exception as error:  # of a sweep, the other jobs still run
            if not multirun:
                raise _HydraPasses(error) from error
            failures.append((name_run(HydraConfig.get().overrides.task, swept), error))
            print(f"charrnn_exp: error: {one_line(error)}", file=sys.stderr, flush=True)

    # Hydra's help is of Hydra; beside settings it ends with a traceback.
    _enter_hydra(run_job, [*_flags(arguments), *([] if arguments.hydra_help else overrides)])
    if failures:
        kind = UserError if all(isinstance(error, UserError) for _, error in failures) else MachineError
        raise kind(*(f"job {name!r} failed: {one_line(error)}" for name, error in failures))


def name_run(overrides: Sequence[str], swept: set[str]) -> str:
    """Return the overrides as a name, without those that say where the run is tracked; in a sweep, what varies.

    >>> name_run(["dataset=shakespeare", "model.hidden_size=512", "tracking=server"], set())
    'dataset=shakespeare model.hidden_size=512'
    >>> name_run(["dataset=shakespeare", "model.hidden_size=512"], {"model.hidden_size"})
    'model.hidden_size=512'
    >>> name_run([], set())
    'defaults'
    """
    shown = [word.lstrip("+") for word in overrides if not word.lstrip("+").startswith("tracking")]
    varying = [word for word in shown if word.partition("=")[0] in swept] if swept else shown
    return " ".join(varying)[:MAX_RUN_NAME] or "defaults"


@dataclass(frozen=True)
class _Settled:
    """What was found out once, for all jobs of a sweep and for resume, and takes its place in the settings.

    Args:
        typed: the prompt of standard input, None where none was read.
        sources: run folders by the references of training.init_from.
    """

    typed: str | None
    sources: dict[str, str]

    def __call__(self, config: Config) -> Config:
        kept = replace(config, sampling=keep_typed(config.sampling, self.typed))
        return keep_source(kept, self.sources)


def _run_job(
    composed: DictConfig,
    prepared: tuple[PreparedText, InitialWeights | None] | None,
    settle: _Settled,
    swept: set[str],
    *,
    began: float,
) -> None:
    values = OmegaConf.to_container(composed, resolve=True)
    assert isinstance(values, dict)
    config = settle(read_config({str(key): value for key, value in values.items()}))
    text, initial = prepared or prepare_run(config)
    hydra_config = HydraConfig.get()
    folder = RunFolder(shorten(Path(hydra_config.runtime.output_dir)))
    tags = {"sweep": folder.label.rpartition("/")[0]} if swept else {}
    name = config.tracking.run_name or name_run(hydra_config.overrides.task, swept)
    start_run(config, text, folder, name=name, tags=tags, initial=initial, began=began)


class _HydraPasses(BaseException):
    """Carries an error of ours through Hydra, which would print and swallow an ordinary exception."""

    def __init__(self, error: Exception) -> None:
        self.error = error


def _enter_hydra(run_job: Any, words: list[str]) -> None:
    """Call hydra.main with these words as the command line."""
    enter = hydra.main(config_path=str(find_conf_folder()), config_name="config", version_base="1.3")(run_job)
    typed = sys.argv
    sys.argv = [typed[0], *words]
    try:
        enter()
    except _HydraPasses as passed:
        raise passed.error from None
    finally:
        sys.argv = typed


def _parse(words: Sequence[str]) -> argparse.Namespace:
    parser = get_args_parser()
    parser.allow_abbrev = False

    def refuse(message: str) -> NoReturn:
        raise UserError(f"the command line must be readable, got: {message}. See --help.")

    parser.error = refuse
    # The value of --info may be left out; an override after it is none.
    pairs = zip_longest(words, words[1:], fillvalue="")
    written = ["--info=all" if word in ("--info", "-i") and "=" in after else word for word, after in pairs]
    arguments = parser.parse_intermixed_args(written)
    arguments.multirun = arguments.multirun or "hydra.mode=MULTIRUN" in arguments.overrides
    problems = list(_flag_problems(arguments))
    if problems:
        raise UserError(*problems)
    return arguments


def _flag_problems(arguments: argparse.Namespace) -> Iterator[str]:
    """Yield what Hydra would answer with a traceback, and the flags that this program has no use for."""
    for flag in ("config_path", "config_name", "experimental_rerun"):
        if getattr(arguments, flag, None) is not None:
            yield (
                f"--{flag.replace('_', '-')} must be left out, got {getattr(arguments, flag)!r}. "
                "Use --config-dir for settings of your own, and resume to go on with a run."
            )
    if arguments.shell_completion:
        yield "--shell-completion must be left out: there is none. --cfg job shows all settings."
    given = [flag for flag in ("run", "multirun", "cfg", "info") if getattr(arguments, flag)]
    if len(given) > 1:
        yield f"one of --run, --multirun, --cfg and --info must be given at most, got --{' and --'.join(given)}."
    if arguments.resolve and not arguments.cfg:
        yield "--resolve must stand beside --cfg job, got it alone."
    groups = {key.rpartition(".")[0] for key in list_settings()} - {""}
    if arguments.package is not None and (arguments.cfg != "job" or arguments.package not in groups):
        yield (
            f"--package must stand beside --cfg job and be one of {', '.join(sorted(groups))}, "
            f"got {arguments.package!r}."
        )


def _flags(arguments: argparse.Namespace) -> list[str]:
    """Return Hydra's own flags and their values, written out."""
    given = {flag.replace("_", "-"): getattr(arguments, flag) for flag in (*SWITCHES, *VALUE_FLAGS)}
    return [f"--{flag}" if value is True else f"--{flag}={value}" for flag, value in given.items() if value]


def _check_config_dir(config_dir: str | None) -> Path | None:
    if config_dir is None:
        return None
    path = Path(os.path.expanduser(config_dir)).absolute()
    if not os.path.isdir(path):  # says no, too, to a name that no file system has
        raise UserError(f"--config-dir must be a folder with YAML groups, got {path}, which is none.")
    return path
