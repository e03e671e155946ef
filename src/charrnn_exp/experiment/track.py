"""The start of tracking: the run's description goes to the tracker, its MLflow id to the run folder."""

import uuid
from collections.abc import Mapping
from typing import Any

from charrnn_exp.config.choices import Backend, Schedule
from charrnn_exp.config.reading import flatten, to_values
from charrnn_exp.config.resumable import LENGTHS, OF_NUMBERS
from charrnn_exp.data.corpus import describe
from charrnn_exp.experiment.job import Job
from charrnn_exp.run_folder.changes import describe_changes
from charrnn_exp.tracking.mlflow_run import CHANGES_TAG, KEY_TAG, MAX_TAG_LENGTH, RunDescription
from charrnn_exp.tracking.no_tracker import Tracker
from charrnn_exp.tracking.pages import find_run_page, name_store
from charrnn_exp.tracking.provenance import list_versions, read_git_state
from charrnn_exp.tracking.tracker import start_tracker
from charrnn_exp.views.terminal import Terminal


def describe_run(job: Job, *, previous: Mapping[str, Any]) -> RunDescription:
    """Return name, settings, tags and text of a run; a resumed run keeps name and key of `previous`.

    Args:
        job: of the run.
        previous: `tracking.json` of an earlier session; empty where there is none.
    """
    config, corpus, changes = job.config, job.text.corpus, job.resumption.changes
    fingerprint = corpus.fingerprint.as_dict()
    return RunDescription(
        name=previous.get("name", job.name),
        params=flatten(to_values(config)),
        tags={
            **{f"version.{name}": version for name, version in list_versions().items()},
            **read_git_state(),
            **{f"dataset.{name}": str(value) for name, value in fingerprint.items()},
            **({"dataset.notes": " ".join(corpus.notes)} if corpus.notes else {}),
            "run_folder": job.folder.label,
            **({CHANGES_TAG: describe_changes(changes)[:MAX_TAG_LENGTH]} if changes else {}),
            KEY_TAG: previous.get("tags", {}).get(KEY_TAG, uuid.uuid4().hex),
            **job.tags,
            **config.tracking.tags,
        },
        dataset={"name": describe(config.dataset), **fingerprint},
        began=previous.get("began") if job.is_resumed else job.began,
    )


def start_tracking(job: Job, terminal: Terminal) -> Tracker:
    """Start the tracker; record the description and the MLflow ids in the run folder.

    The store is told at once, the page of the run on a server as soon as MLflow has made it.
    """
    folder, tracking = job.folder, job.config.tracking
    previous = folder.read_tracking() if job.is_resumed else {}
    run = describe_run(job, previous=previous)
    record = {"run_id": previous.get("run_id"), "complete": False, **run.as_dict()}
    if tracking.backend is not Backend.none:
        folder.write_tracking(record)
        terminal.say(f"tracking: MLflow experiment {tracking.experiment_name!r} in {name_store(tracking)}")

    def remember(run_id: str, experiment_id: str) -> None:
        folder.write_tracking({**record, "run_id": run_id, "experiment_id": experiment_id})
        if tracking.backend is Backend.server:
            terminal.say(f"MLflow run: {find_run_page(tracking, experiment_id, run_id)}")

    return start_tracker(
        tracking,
        run,
        run_id=record["run_id"],
        is_resumed=job.is_resumed,
        renewed_after=job.resumption.step if _makes_other_numbers(job) else None,
        remember=remember,
    )


def _makes_other_numbers(job: Job) -> bool:
    """Return whether the changes of a resumed run alter the steps that it makes anew, not only their count."""
    # A cosine is stretched over the steps of the run.
    lengths = LENGTHS if job.config.optimizer.schedule is Schedule.cosine else ()
    return any(change.setting.startswith((*OF_NUMBERS, *lengths)) for change in job.resumption.new)
