"""The folder of a run holds everything that the verbs need and no absolute path: it may be moved or copied."""

import functools
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from types import NoneType
from typing import Any

from charrnn_exp.config.reading import read_config, read_yaml, to_values, write_yaml
from charrnn_exp.config.schema import Config
from charrnn_exp.data.vocabulary import Vocabulary
from charrnn_exp.errors import MachineError, UserError, one_line
from charrnn_exp.files import LockHeldError, hold_lock, read_json, write_durably
from charrnn_exp.run_folder.changes import Change, write_changes
from charrnn_exp.run_folder.plugins import check_plugins, list_plugins
from charrnn_exp.run_folder.summary import Summary
from charrnn_exp.run_folder.versions import Versions, check_age, read_versions, upgrade
from charrnn_exp.streams import write_note

OUTPUTS = Path("outputs")
TRACKING_TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("run_id", "experiment_id"), (str, NoneType)),
    "began": (float, int, NoneType),
    "name": (str,),
    "complete": (bool,),
    **dict.fromkeys(("params", "tags", "dataset"), (dict,)),
}


class RunInUseError(MachineError):
    """Another process works on the run."""


class RunFolder:
    """The files of one run: their names, how they are read and written.

    Args:
        path: of the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.yaml"
        self.changes = path / "changes.json"
        self.versions = path / "versions.json"
        self.vocabulary = path / "vocabulary.json"
        self.parameters = path / "parameters.txt"
        self.checkpoints = path / "checkpoints"
        self.metrics = path / "metrics.jsonl"
        self.samples = path / "samples"
        self.plots = path / "plots"
        self.profile = path / "profile"
        self.views = path / "views"
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
                    f"run {self.path} is in use by process {error.holder}: wait for it or stop it."
                ) from error
            except OSError as error:
                raise self._unwritable(error) from error
            yield

    def create(self, config: Config, vocabulary: Vocabulary) -> None:
        """Make the folder of a new run; write settings, versions and vocabulary.

        Args:
            config: checked settings.
            vocabulary: of the text.

        Raises:
            MachineError: if the folder cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            # A folder with settings is a run, and a run has a vocabulary, also after a kill between the two.
            write_durably(self.vocabulary, vocabulary.to_json() + "\n")
            self._write_settings(config)
        except OSError as error:
            raise self._unwritable(error) from error

    def update(self, config: Config, changes: Sequence[Change]) -> None:
        """Write the settings that a resumed run goes on with, and before them all its changes, see `read_changes`.

        Raises:
            MachineError: if the folder cannot be written.
        """
        try:
            if changes or self.changes.exists():
                write_durably(self.changes, write_changes(changes))
            self._write_settings(config)
        except OSError as error:
            raise self._unwritable(error) from error

    def _write_settings(self, config: Config) -> None:
        """Write settings and then their version: after a kill between the two, upgrading once more changes nothing."""
        for folder in (self.checkpoints, self.samples, self.plots):  # of a copied run, one may be missing
            folder.mkdir(parents=True, exist_ok=True)
        write_durably(self.config, write_yaml(to_values(config)))
        write_durably(self.versions, Versions(plugins=list_plugins(config)).to_json())

    def _unwritable(self, error: OSError) -> MachineError:
        return MachineError(
            f"cannot write the run folder {self.path.absolute()} ({error.strerror}): "
            "run from a folder you own with space on its disk."
        )

    def _refuse_links(self) -> None:
        """Raise MachineError if the folder holds a symbolic link: reading and writing would leave the folder."""
        for parent, folders, files in os.walk(self.path):
            for path in (Path(parent, name) for name in (*folders, *files)):
                if path.is_symlink():
                    raise MachineError(
                        f"{path} is a link to {os.readlink(path)}, and a run folder may hold none: "
                        "replace it by its target (cp -rL copies a run so)."
                    )

    def read_values(self, *, key: str = "run") -> dict[str, Any]:
        """Return the run's settings as plain values; an older version's keep the meaning they had.

        An upgrade is printed once per process, in one line; the folder is unchanged until a resume begins.

        Raises:
            UserError: if there are none, or a newer version of this program wrote them.
        """
        if not self.config.exists():
            raise UserError(f"{key} must be a run folder, got {self.path.absolute()}, which has no config.yaml.")
        self._refuse_links()
        versions = read_versions(self.versions)
        version = versions.settings
        check_age(version, name=str(self.path))
        check_plugins(versions.plugins)
        values, phrases = upgrade(read_yaml(self.config), version)
        if phrases:
            _note_once(
                f"run {self.path} is of settings version {version}: {', '.join(phrases)} "
                f"{'mean what they' if len(phrases) > 1 else 'means what it'} meant then."
            )
        return values

    def read_config(self) -> Config:
        """Return the run's settings, checked."""
        return self._check(self.read_values())

    def read_untracked_config(self) -> Config:
        """Return the run's settings, checked, with tracking off."""
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
            raise MachineError(
                f"{self.vocabulary} holds no vocabulary ({one_line(error)[:300]}): restore it from a copy of the run."
            ) from error

    def read_summary(self) -> Summary:
        """Return the summary, with a status of None where the run never wrote one.

        Raises:
            MachineError: if a value has the wrong type.
        """
        try:
            return Summary.from_json(_read_object(self.summary))
        except ValueError as error:
            raise MachineError(f"{self.summary} {error}. Move it away.") from error

    def read_tracking(self) -> dict[str, Any]:
        """Return `tracking.json`: the description sent to MLflow, its ids, and `complete`; empty without a file.

        Raises:
            MachineError: if a value has the wrong type.
        """
        values = _read_object(self.tracking)
        for key, value in values.items():
            if key in TRACKING_TYPES and type(value) not in TRACKING_TYPES[key]:
                raise MachineError(
                    f"{self.tracking} must have {key} of type {TRACKING_TYPES[key][0].__name__}, "
                    f"got {str(value)[:100]!r}. Move it away."
                )
        return values

    def write_tracking(self, values: Mapping[str, Any]) -> None:
        """Replace `tracking.json`."""
        write_durably(self.tracking, json.dumps(dict(values), indent=2) + "\n")

    def find_last_write(self) -> float:
        """Return the Unix time at which a session last wrote metrics or log: the end of the run, in seconds."""
        return max((path.stat().st_mtime for path in (self.metrics, self.log) if path.exists()), default=time.time())

    def write_summary(self, summary: Summary) -> None:
        """Replace the summary."""
        write_durably(self.summary, json.dumps(summary.to_json(), indent=2, allow_nan=False) + "\n")


@functools.cache
def _note_once(line: str) -> None:
    write_note(line)


def forget_tracking(values: dict[str, Any]) -> dict[str, Any]:
    """Return the settings with tracking off, so that a former tracking server need not exist."""
    tracking = values.get("tracking")
    if not isinstance(tracking, dict):
        return values
    return {**values, "tracking": {**tracking, "backend": "none", "uri": None}}


def _read_object(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file of the run, empty where there is no file."""
    try:
        return read_json(path)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise MachineError(f"cannot read {path} ({one_line(error)[:300]}). Move it away.") from error


def make_run_folder(name: str, began: datetime) -> RunFolder:
    """Return the folder of a new run, named by its group and start; nothing is made on disk.

    `hydra.sweep.dir` in conf/config.yaml has the same form.

    >>> make_run_folder("tiny", datetime(2026, 1, 2, 3, 4, 5, 6)).path
    PosixPath('outputs/tiny/2026-01-02/03-04-05-000006')
    """
    return RunFolder(OUTPUTS / name / began.strftime("%Y-%m-%d") / began.strftime("%H-%M-%S-%f"))


def shorten(path: Path) -> Path:
    """Return the path relative to the current folder where it lies in it: a run folder names no absolute path."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
