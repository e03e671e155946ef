"""A sweep in MLflow: a run of its own that holds its page, and a view of the UI with its jobs grouped."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from charrnn_exp.config.schema import TrackingConfig
from charrnn_exp.tracking.store import open_client

TAG = "sweep_run"
"""Tag of the run of a sweep, with its label; its jobs have the tag `sweep`, or `study`."""
VIEW_TAG = "mlflow.sharedViewState."
"""Start of the tag of an experiment in which MLflow's UI keeps a view that is shared by a link."""


@dataclass(frozen=True, kw_only=True)
class SweepRecord:
    """What is sent of a sweep or a search.

    Args:
        label: of its folder, or of the study of a search.
        name: of its run.
        jobs: filter of MLflow that finds the runs of its jobs.
        files: to be its artifacts.
        results: tags with what came of it; as metrics they would be charts of one dot beside those of the jobs.
        grouping: the settings that vary, but for the seed.
    """

    label: str
    name: str
    jobs: str
    files: Sequence[Path]
    results: Mapping[str, str]
    grouping: Sequence[str] = ()


def log_sweep(tracking: TrackingConfig, record: SweepRecord) -> tuple[str, str]:
    """Send what a sweep ended with to a run of its own; return the id of the experiment and the key of its view.

    A sweep that goes on is sent to the same run. Any exception of MLflow may be raised.
    """
    client, experiment_id = open_client(tracking)
    found = client.search_runs([experiment_id], f"tags.{TAG} = '{record.label}'", max_results=1)
    tags = {TAG: record.label, "mlflow.source.type": "LOCAL"}
    run = found[0] if found else client.create_run(experiment_id, run_name=record.name, tags=tags)
    for name, value in record.results.items():
        client.set_tag(run.info.run_id, name, value)
    for path in record.files:
        client.log_artifact(run.info.run_id, str(path))
    client.set_terminated(run.info.run_id)
    key = hashlib.sha256(record.label.encode()).hexdigest()[:16]
    client.set_experiment_tag(experiment_id, VIEW_TAG + key, json.dumps(_describe_view(record)))
    return experiment_id, key


def filter_jobs(label: str, run_ids: Sequence[str]) -> str:
    """Return the filter of the jobs of a sweep: by their ids, where an earlier sweep has made some of them.

    >>> filter_jobs("a/2026/1", [])
    "tags.sweep = 'a/2026/1'"
    >>> filter_jobs("a/2026/1", ["abc", "def"])
    "run_id IN ('abc', 'def')"
    """
    listed = ", ".join(f"'{run_id}'" for run_id in run_ids)
    return f"run_id IN ({listed})" if run_ids else f"tags.sweep = '{label}'"


def _describe_view(record: SweepRecord) -> dict[str, Any]:
    """Return a view of the jobs of a sweep; the UI draws the mean and the band of each group by itself."""
    view: dict[str, Any] = {"searchFilter": record.jobs}
    if record.grouping:
        keys = [{"mode": "param", "groupByData": key} for key in record.grouping]
        view["groupBy"] = {"aggregateFunction": "average", "groupByKeys": keys}
    return view
