"""What a sweep ended with, sent to MLflow; a store that does not answer is not waited for."""

import threading
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from charrnn_exp.config.choices import Backend
from charrnn_exp.config.reading import flatten
from charrnn_exp.config.schema import TrackingConfig
from charrnn_exp.config.secrets import hide_secrets
from charrnn_exp.errors import one_line
from charrnn_exp.experiment.repair import repair_run
from charrnn_exp.program import name_program
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.sweeps.comparison.comparison import Comparison
from charrnn_exp.tracking.pages import find_sweep_page
from charrnn_exp.tracking.sweep_run import SweepRecord, log_sweep
from charrnn_exp.views.runs import show_value
from charrnn_exp.views.terminal import Terminal

TRACKING_SECONDS = 30.0
"""Of waiting for the store at the end."""


def send_missing_runs(places: Sequence[Path], terminal: Terminal) -> None:
    """Send MLflow what it lacks of runs that have ended; where that fails, a warning tells of `repair`.

    Args:
        places: of the run folders.
        terminal: gets the line.
    """
    lacking = [folder for folder in map(RunFolder, places) if not folder.read_tracking().get("complete", True)]
    if not lacking:
        return
    left = [*lacking]

    def send() -> None:
        for folder in lacking:
            repair_run(folder, lambda folder=folder: folder.read_config().tracking)  # type: ignore[misc]
            left.remove(folder)

    reason = _fail_in_time(send)
    missing = [*left]  # the thread may still be at it
    if sent := len(lacking) - len(missing):
        terminal.say(f"MLflow has got what it lacked of {sent} of {len(places)} runs")
    if reason is not None and missing:
        terminal.warn(
            f"MLflow lacks data of {len(missing)} of {len(places)} runs, first {missing[0].path}; "
            f"`{name_program()} repair` sends it: {reason}"
        )


def publish(record: SweepRecord, terminal: Terminal, tracking: TrackingConfig) -> None:
    """Send a sweep to its own run, and print where its jobs are seen; a failure is a warning.

    Args:
        record: of the sweep.
        terminal: gets the lines.
        tracking: of its jobs, on.
    """
    found: list[tuple[str, str]] = []

    def send() -> None:
        found.append(log_sweep(tracking, record))

    if (reason := _fail_in_time(send)) is not None:
        terminal.warn(f"the sweep's page is not in MLflow: {reason}")
        return
    ((experiment_id, view),) = found
    if tracking.backend is Backend.local:
        terminal.say_as_it_is(f"{'see it in the UI:':<18} {name_program()} ui")
    head = "then at:" if tracking.backend is Backend.local else "see it at:"
    terminal.say_as_it_is(f"{head:<18} {find_sweep_page(tracking, experiment_id, view)}")


def describe_best(comparison: Comparison) -> dict[str, str]:
    """Return the tag with the lowest mean validation loss; of several texts, one for each, with its name."""
    found = [(group.title, f"{group.variants[0].loss.mean:.4f}") for group in comparison.groups if group.variants]
    if len(found) == 1:
        return {"best_val_loss": found[0][1]}
    return {"best_val_loss": "; ".join(f"{loss} ({title})" for title, loss in found)} if found else {}


def find_grouping(swept: Collection[str], jobs: Sequence[dict[str, Any]]) -> list[str]:
    """Return the settings by which the runs of a sweep are grouped: those typed, and one for each group of options.

    A group (`model=gru,lstm`) is no parameter of a run. The setting of its own that has the most values stands for it.

    Args:
        swept: settings and groups that vary.
        jobs: their settings, plain.

    >>> find_grouping({"seed", "model"}, [{"model": {"cell": "gru", "n": 5}}, {"model": {"cell": "lstm", "n": 5}}])
    ['model.cell']
    """
    flat = [flatten(job) for job in jobs]
    counts = {key: len({show_value(job.get(key)) for job in flat}) for key in (flat[0] if flat else {})}
    found = {key for key in swept if "." in key}
    for group in sorted(set(swept) - found - {"seed"}):
        own = [key for key, count in counts.items() if key.startswith(f"{group}.") and count > 1 and key not in found]
        if own:
            found.add(max(own, key=lambda key: counts[key]))
    return sorted(found)


def _fail_in_time(action: Callable[[], None]) -> str | None:
    """Return why an action that talks to the store failed, or took too long; None where it did not."""
    reasons = [f"the store did not answer within {TRACKING_SECONDS:.0f} s"]

    def attempt() -> None:
        try:
            action()
            reasons.clear()
        except Exception as error:  # MLflow raises its own, requests' and SQLAlchemy's
            reasons[:] = [hide_secrets(one_line(error))[:500]]

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(TRACKING_SECONDS)
    return reasons[0] if reasons else None
