"""The runs of a comparison as they lie on disk: what each reached, or why it cannot be ranked."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from charrnn_exp.errors import MachineError, UserError
from charrnn_exp.files import find_path
from charrnn_exp.program import name_program
from charrnn_exp.run_folder.changes import Change, read_changes
from charrnn_exp.run_folder.finding import find_run, find_run_folders, list_runs
from charrnn_exp.run_folder.folder import OUTPUTS, RunFolder
from charrnn_exp.run_folder.overview import DIED, Overview, read_overview
from charrnn_exp.run_folder.summary import Summary
from charrnn_exp.sweeps.plan import StoredPlan, is_sweep

IGNORED = (
    "name",
    "seed",
    "dataset.",
    "sampling.",
    "sweep.",
    "tracking.",
    "training.keep_checkpoints",
    "training.checkpoint_every_epochs",
    "training.checkpoint_every_steps",
    "training.profile_steps",
)
"""Settings that are not compared: the text and its split make groups, seeds are drawn, the others change no loss."""
MAX_LOSS = 1e9
"""A loss that is not below it, or not a number, is none."""
LOG_END = 65_536
"""Last bytes of a run.log in which the error that ended the run is looked for."""
ERROR = re.compile(r"^\S+ \S+ ERROR charrnn_exp\S*: (.*)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A run of a comparison.

    Args:
        overview: the run at a glance.
        changes: of the settings that are compared, in its life.
        loss: validation loss of the weights that speak for the run, nats per character; None: it has none.
        blocks: loss of each block by split, see `Scores`; empty for an older run.
        problem: why it is not ranked; None: it is.
    """

    overview: Overview
    changes: tuple[Change, ...]
    loss: float | None
    blocks: Mapping[str, tuple[float, ...]]
    problem: str | None

    @property
    def folder(self) -> RunFolder:
        """The folder of the run."""
        return self.overview.folder

    @property
    def summary(self) -> Summary:
        """The summary of the run."""
        return self.overview.summary

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings of the run by dotted key."""
        return self.overview.settings

    @property
    def seed(self) -> Any:
        """The seed of the run."""
        return self.settings.get("seed")


def is_compared(key: str) -> bool:
    """Return whether a setting tells variants apart.

    >>> is_compared("model.hidden_size"), is_compared("seed")
    (True, False)
    """
    return not key.startswith(IGNORED)


def choose_entries(run: str | None, name: str | None, find: Callable[[str], RunFolder] = find_run) -> list[Entry]:
    """Return the runs of `run=` and `name=`; without both, those of the sweep or the name of the latest run.

    Args:
        run: references and folders of sweeps with commas between them; None: all below outputs/.
        name: a name, a sweep or a text; None: all.
        find: returns the run of a reference that is no folder of several.

    Raises:
        UserError: if there is no such run.
    """
    if run is not None:
        folders = list(dict.fromkeys(folder for each in _split(run) for folder in _find_folders(each, find)))
        overviews = [read_overview(RunFolder(folder)) for folder in folders]
    else:
        overviews = [read_overview(RunFolder(folder)) for folder in find_run_folders(OUTPUTS)]
    found = [each for each in overviews if name is None or each.is_of(name)]
    if not found:
        what = "below outputs/" if name is None else f"of {name!r} (a name, a sweep, a text)"
        raise UserError(f"there is no run {what}: `{name_program()} list` shows the runs.")
    return [read_entry(each) for each in found]


def find_latest() -> str:
    """Return the name that is compared when none is typed: the sweep of the run worked on last, else its name.

    Raises:
        UserError: if there is no run.
    """
    runs = list_runs()
    if not runs:
        raise UserError(f"no runs below outputs/: `{name_program()}` makes the first.")
    latest = runs[-1]
    parent, _, job = latest.label.rpartition("/")
    return parent if job.isdecimal() and parent else read_overview(latest).name or latest.label


def read_entry(overview: Overview) -> Entry:
    """Return a run with its changes, its loss, and the reason why it cannot be ranked."""
    summary = overview.summary
    changes, damage = list[Change](), None
    try:
        changes = read_changes(overview.folder.changes, overview.settings)
    except MachineError:
        damage = "its changes.json is damaged, so that its settings are not known"
    loss = summary.best_val_loss if summary.speaks_by_best else summary.val_loss
    loss = loss if loss is not None and abs(loss) < MAX_LOSS else None
    return Entry(
        overview=overview,
        changes=tuple(change for change in changes if is_compared(change.setting)),
        loss=loss,
        blocks=_read_blocks(summary),
        problem=_find_problem(overview, loss) or damage,
    )


def is_inside(path: Path, folder: RunFolder) -> bool:
    """Return whether a path is a regular file of the run folder; one behind a link is none."""
    return path.is_file() and path.resolve().is_relative_to(folder.path.resolve())


def _split(run: str) -> list[str]:
    """Return the references between commas; a folder with commas in its name is one."""
    if not run.strip(","):
        raise UserError(f"run must be runs or a folder with runs below it, got {run!r}.")
    return [run] if find_path(run).exists() else [each for each in run.split(",") if each]


def _find_folders(reference: str, find: Callable[[str], RunFolder]) -> Iterable[Path]:
    """Return the folders of the runs that a reference means: of one run, of a sweep's plan, or below a folder."""
    path = find_path(reference)
    if path.is_dir() and not (path / "config.yaml").exists():
        if is_sweep(path):
            with suppress(UserError):  # damaged
                if planned := [each for each in StoredPlan.read(path).folders if each.is_dir()]:
                    return planned
        found = sorted(find_run_folders(path), key=_place)
        known = set(found)
        empty = [each for each in path.iterdir() if each.name.isdecimal() and each.is_dir() and each not in known]
        if not found:
            raise UserError(f"run must be a run or a folder with runs below it, got {reference!r}, which has none.")
        return [*found, *sorted(empty, key=_place)]
    return [find(reference).path]


def _place(path: Path) -> tuple[str, int, str]:
    """Return a key that sorts the jobs of a sweep by their numbers."""
    return str(path.parent), int(path.name) if path.name.isdecimal() and len(path.name) < 10 else -1, path.name


def _read_blocks(summary: Summary) -> dict[str, tuple[float, ...]]:
    """Return the losses of blocks that are lists of finite numbers, as a run writes them."""
    found = {}
    for split, values in (summary.block_losses or {}).items():
        if isinstance(values, list) and all(type(each) in (int, float) and abs(each) < MAX_LOSS for each in values):
            found[split] = tuple(map(float, values))
    return found


def _find_problem(overview: Overview, loss: float | None) -> str | None:
    step = f"at step {overview.summary.step:,}"
    match overview.status:
        case "FINISHED" if loss is None:
            split = overview.settings.get("dataset.split")
            return "has no validation text (dataset.split=none)" if split == "none" else "has no validation loss"
        case "FINISHED" if overview.text is None:
            return "has no readable checkpoint, which says what text its loss is of"
        case "FINISHED":
            return None
        case "FAILED":
            return f"failed {step}: {_find_error(overview.folder)}"
        case "KILLED":
            return f"was stopped {step}, before its end"
        case "RUNNING":
            return f"is under way, {step}"
        case status if status == DIED:
            return f"died {step}"
    return "never began, or its files are damaged" if not overview.settings else "has no readable summary"


def _find_error(folder: RunFolder) -> str:
    """Return the last error in the log of a run."""
    text = ""
    with suppress(OSError):
        if is_inside(folder.log, folder):
            with folder.log.open("rb") as file:
                file.seek(max(0, folder.log.stat().st_size - LOG_END))
                text = file.read(LOG_END).decode(errors="replace")
    found: Sequence[str] = ERROR.findall(text)
    return found[-1][:300] if found else "its run.log does not say why"
