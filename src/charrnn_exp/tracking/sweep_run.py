"""A sweep in MLflow: a run of its own that holds its page, and a view of the UI with its jobs grouped."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from charrnn_exp.config.schema import TrackingConfig
from charrnn_exp.tracking.store import open_client

TAG = "sweep_run"
"""Tag of the run of a sweep, with the label of its folder; its jobs have the tag `sweep`."""
VIEW_TAG = "mlflow.sharedViewState."
"""Start of the tag of an experiment in which MLflow's UI keeps a view that is shared by a link."""


def log_sweep(
    tracking: TrackingConfig,
    label: str,
    *,
    run_ids: Sequence[str],
    files: Sequence[Path],
    results: Mapping[str, str],
    grouping: Sequence[str],
) -> tuple[str, str]:
    """Send what a sweep ended with to a run of its own; return the id of the experiment and the key of its view.

    A sweep that goes on is sent to the same run. Any exception of MLflow may be raised.

    Args:
        tracking: of its jobs.
        label: of its folder.
        run_ids: of its jobs, where an earlier sweep has made some; none: all have the tag `sweep` with the label.
        files: to be its artifacts.
        results: tags with what came of it; as metrics they would be charts of one dot beside those of the jobs.
        grouping: the settings that vary, but for the seed.
    """
    client, experiment_id = open_client(tracking)
    found = client.search_runs([experiment_id], f"tags.{TAG} = '{label}'", max_results=1)
    tags = {TAG: label, "mlflow.source.type": "LOCAL"}
    run = found[0] if found else client.create_run(experiment_id, run_name=f"sweep {label}", tags=tags)
    for name, value in results.items():
        client.set_tag(run.info.run_id, name, value)
    for path in files:
        client.log_artifact(run.info.run_id, str(path))
    client.set_terminated(run.info.run_id)
    key = hashlib.sha256(label.encode()).hexdigest()[:16]
    client.set_experiment_tag(experiment_id, VIEW_TAG + key, json.dumps(_describe_view(label, run_ids, grouping)))
    return experiment_id, key


def _describe_view(label: str, run_ids: Sequence[str], grouping: Sequence[str]) -> dict[str, Any]:
    """Return a view of the jobs of a sweep; the UI draws the mean and the band of each group by itself."""
    listed = ", ".join(f"'{run_id}'" for run_id in run_ids)
    view: dict[str, Any] = {"searchFilter": f"run_id IN ({listed})" if run_ids else f"tags.sweep = '{label}'"}
    if grouping:
        keys = [{"mode": "param", "groupByData": key} for key in grouping]
        view["groupBy"] = {"aggregateFunction": "average", "groupByKeys": keys}
    return view
