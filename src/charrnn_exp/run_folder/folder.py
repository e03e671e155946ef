"""The folder of a run: everything the verbs need, no absolute path, free to be moved or copied."""

import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import NoneType
from typing import Any

from charrnn_exp.config.reading import read_config, read_yaml, to_values, write_yaml
from charrnn_exp.config.schema import Config
from charrnn_exp.data.vocabulary import Vocabulary
from charrnn_exp.errors import MachineError, UserError, one_line
from charrnn_exp.files import LockHeldError, hold_lock, read_json, write_durably
from charrnn_exp.program import name_program
from charrnn_exp.run_folder.plugins import check_plugins, write_plugins

OUTPUTS = Path("outputs")
TEXT, NUMBER = (str, NoneType), (float, int, NoneType)
SUMMARY_TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("status", "run_id", "checkpoint", "sample"), TEXT),
    **dict.fromkeys(("val_loss", "val_loss_raw", "ngram_val_loss", "chars_per_second"), NUMBER),
    "step": (int,),
}
TRACKING_TYPES: dict[str, tuple[type, ...]] = {
    "run_id": TEXT,
    "name": (str,),
    "complete": (bool,),
    **dict.fromkeys(("params", "tags", "dataset"), (dict,)),
}


class RunInUseError(MachineError):
    """Another process works on the run."""


class RunFolder:
    """Names and contents of what lies in a run folder.

    Args:
        path: of the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.yaml"
        self.plugins = path / "plugins.json"
        self.vocabulary = path / "vocabulary.json"
        self.parameters = path / "parameters.txt"
        self.checkpoints = path / "checkpoints"
        self.metrics = path / "metrics.jsonl"
        self.samples = path / "samples"
        self.plots = path / "plots"
        self.profile = path / "profile"
        self.log = path / "run.log"
        self.summary = path / "summary.json"
        self.tracking = path / "tracking.json"
        self.lock_file = path / ".lock"

    @property
    def label(self) -> str:
        """The folder's path below outputs/, which stays its name when outputs/ moves."""
        parts = self.path.absolute().parts
        return "/".join(parts[parts.index("outputs") + 1 :]) if "outputs" in parts else self.path.name

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep the run to this process; the lock goes with the process, however it ends.

        Raises:
            RunInUseError: at once, naming the other process.
            MachineError: if the folder cannot be written.
        """
        self._refuse_links()
        with ExitStack() as stack:
            try:
                self.path.mkdir(parents=True, exist_ok=True)
                stack.enter_context(hold_lock(self.lock_file))
            except LockHeldError as error:
                raise RunInUseError(
                    f"run {self.path} must be free, got process {error.holder}, which works on it. "
                    "Wait for it or stop it."
                ) from error
            except OSError as error:
                raise self._unwritable(error) from error
            yield

    def create(self, config: Config, vocabulary: Vocabulary) -> None:
        """Make the folder and write what is known before the first step.

        Raises:
            MachineError: if the folder cannot be written.
        """
        try:
            for folder in (self.path, self.checkpoints, self.samples, self.plots):
                folder.mkdir(parents=True, exist_ok=True)
            write_plugins(self.plugins, config)
            write_durably(self.config, write_yaml(to_values(config)))
            write_durably(self.vocabulary, vocabulary.to_json() + "\n")
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> MachineError:
        return MachineError(
            f"run folder {self.path.absolute()} must be writable, got {error.strerror}. "
            "Run from a folder you own with space on its disk."
        )

    def _refuse_links(self) -> None:
        """Raise MachineError for a symbolic link: it would be read, sent, or written to, elsewhere."""
        for parent, folders, files in os.walk(self.path):
            for path in (Path(parent, name) for name in (*folders, *files)):
                if path.is_symlink():
                    raise MachineError(
                        f"{path} must lie in the run folder, got a link to {os.readlink(path)}. "
                        "Put what it points to in its place (cp -rL copies a run so)."
                    )

    def read_values(self, *, key: str = "run") -> dict[str, Any]:
        """Return the run's settings as plain values."""
        if not self.config.exists():
            raise UserError(f"{key} must be a run folder, got {self.path.absolute()}, which has no config.yaml.")
        self._refuse_links()
        check_plugins(self.plugins)
        return read_yaml(self.config)

    def read_config(self) -> Config:
        """Return the run's settings, checked."""
        return self._check(self.read_values())

    def read_untracked_config(self) -> Config:
        """Return the run's settings, checked, for whom it does not matter how it was tracked."""
        return self._check(forget_tracking(self.read_values()))

    def _check(self, values: dict[str, Any]) -> Config:
        try:
            return read_config(values)
        except UserError as error:
            raise UserError(*(f"{self.config}: {line}" for line in error.lines)) from error

    def read_vocabulary(self) -> Vocabulary:
        """Return the run's vocabulary."""
        try:
            return Vocabulary.from_json(read_json(self.vocabulary))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise MachineError(f"{self.vocabulary} must hold a vocabulary, got {one_line(error)[:300]}.") from error

    def read_summary(self) -> dict[str, Any]:
        """Return the summary, empty where the run never wrote one.

        Raises:
            MachineError: if it is not what a run writes.
        """
        return _read_object(self.summary, SUMMARY_TYPES)

    def read_tracking(self) -> dict[str, Any]:
        """Return what MLflow was told of the run, with its `run_id` there and whether it has all; empty if nothing.

        Raises:
            MachineError: if it is not what a run writes.
        """
        return _read_object(self.tracking, TRACKING_TYPES)

    def write_tracking(self, values: Mapping[str, Any]) -> None:
        """Replace it."""
        write_durably(self.tracking, json.dumps(dict(values), indent=2) + "\n")

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """Replace the summary; numbers that JSON lacks (NaN, infinity) become null."""
        write_durably(self.summary, json.dumps(_to_json_values(summary), indent=2, allow_nan=False) + "\n")


def _to_json_values(value: Any) -> Any:
    """Return the value with null for numbers that JSON lacks, however deep they lie."""
    match value:
        case Mapping():
            return {key: _to_json_values(each) for key, each in value.items()}
        case float() if not math.isfinite(value):
            return None
        case _:
            return value


def forget_tracking(values: dict[str, Any]) -> dict[str, Any]:
    """Return settings of a run that is not tracked, so that a server of the past need not be known any more."""
    tracking = values.get("tracking")
    if not isinstance(tracking, dict):
        return values
    return {**values, "tracking": {**tracking, "backend": "none", "uri": None}}


def _read_object(path: Path, types: Mapping[str, tuple[type, ...]]) -> dict[str, Any]:
    """Return what a JSON file of the run says; what is read of it later must be of these types."""
    try:
        values = read_json(path)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise MachineError(f"{path} must be readable, got {one_line(error)[:300]}. Move it away.") from error
    for key, value in values.items():
        if key in types and type(value) not in types[key]:
            raise MachineError(
                f"{path} must have {key} of type {types[key][0].__name__}, got {str(value)[:100]!r}. Move it away."
            )
    return values


def find_run(reference: str, *, key: str = "run") -> RunFolder:
    """Return the run that the user means: `latest`, a run folder, or an MLflow run id of a run below outputs/.

    Args:
        reference: as typed.
        key: the word or setting it was typed for, for the messages.

    Raises:
        UserError: if there is no such run.
    """
    if reference == "latest":
        runs = list_runs()
        if not runs:
            raise UserError(
                f"{key} must be a run folder, got 'latest', but there is no run below {OUTPUTS.absolute()}. "
                f"`{name_program()}` makes the first."
            )
        return runs[-1]
    with suppress(OSError, ValueError, RuntimeError):  # a name that no file system has, a user whom nobody knows
        path = Path(reference).expanduser()
        if path.is_dir():
            folder = RunFolder(path)
            folder.read_values(key=key)
            return folder
    for run in list_runs():
        with suppress(MachineError):  # a damaged one is not the one that is looked for
            if reference in (run.read_tracking().get("run_id"), run.read_summary().get("run_id")):
                return run
    raise UserError(
        f"{key} must be 'latest', a run folder, or the MLflow id of a run below {OUTPUTS.absolute()}, "
        f"got {reference!r}."
    )


def shorten(path: Path) -> Path:
    """Return the path relative to the current folder where it lies in it: a run folder names no absolute path."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def list_runs() -> list[RunFolder]:
    """Return the runs below outputs/, oldest first by the date and time in their names."""
    found = [path.parent for path in OUTPUTS.glob("*/*/*/**/config.yaml")]
    return [RunFolder(path) for path in sorted(found, key=lambda path: path.relative_to(OUTPUTS).parts[1:])]
