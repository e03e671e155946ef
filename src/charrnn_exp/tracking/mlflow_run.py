"""One run in MLflow: made or found again, and what is sent to it. Every call may raise whatever MLflow does."""

import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from charrnn_exp.config.schema import TrackingConfig
from charrnn_exp.tracking.store import open_client

MAX_METRICS_PER_CALL = 1000
MAX_PARAMS = 100
"""That MLflow takes in one call."""
MAX_PARAM_LENGTH = 6000
KEY_TAG = "run_key"
"""The tag by which a run is found again whose id was lost between its making and the writing down of it."""

Entry = tuple[str, float, int, int]
"""Name, value, time in milliseconds, step of a metric."""


@dataclass(frozen=True, kw_only=True)
class RunDescription:
    """What MLflow is told about a run at its start.

    Args:
        name: of the run.
        params: flattened settings.
        tags: versions, git commit, the run folder's label, and a key of its own by which it is found again.
        dataset: name and fingerprint of the text.
    """

    name: str
    params: Mapping[str, Any]
    tags: Mapping[str, str]
    dataset: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return asdict(self)


class MlflowRun:
    """A run that exists in the store.

    Args:
        client: of the store.
        run_id: of the run.
        is_new: whether it was made just now.
    """

    def __init__(self, client: Any, run_id: str, *, is_new: bool) -> None:
        self.client, self.run_id, self.is_new = client, run_id, is_new

    def set_status(self, status: str) -> None:
        """Set it; all but RUNNING end the run."""
        if status == "RUNNING":
            self.client.update_run(self.run_id, status=status)
        else:
            self.client.set_terminated(self.run_id, status=status)

    def find_sent_steps(self) -> dict[str, set[int]]:
        """Return the steps that the store has of each metric."""
        if self.is_new:
            return {}
        names = self.client.get_run(self.run_id).data.metrics
        return {name: {m.step for m in self.client.get_metric_history(self.run_id, name)} for name in names}

    def send_metrics(self, entries: Iterable[Entry]) -> None:
        """Send metrics in few calls; the same entry may be sent twice, it is stored once."""
        from mlflow.entities import Metric

        metrics = [Metric(*entry) for entry in entries]
        for start in range(0, len(metrics), MAX_METRICS_PER_CALL):
            self.client.log_batch(self.run_id, metrics=metrics[start : start + MAX_METRICS_PER_CALL])

    def send_path(self, path: Path, artifact_folder: str) -> None:
        """Send a file or a folder; one that is not there is passed over."""
        if path.is_dir():
            self.client.log_artifacts(self.run_id, str(path), artifact_folder)
        elif path.exists():
            self.client.log_artifact(self.run_id, str(path), artifact_folder or None)

    def find_table_steps(self, artifact_file: str) -> set[int]:
        """Return the steps that a table in the store has rows of."""
        table = self._read_table(artifact_file)
        if table is None:
            return set()
        place = table["columns"].index("step")
        return {row[place] for row in table["data"]}

    def add_rows(self, columns: Mapping[str, list[Any]], artifact_file: str) -> None:
        """Add rows to a table, which MLflow's `log_table` makes where there is none.

        To one that is there it adds by guessing the types of what it reads back: a text of "007" became the number 7.
        """
        table = self._read_table(artifact_file)
        if table is None:
            self.client.log_table(self.run_id, dict(columns), artifact_file)
            return
        rows = zip(*(columns[name] for name in table["columns"]), strict=True)
        self.client.log_text(self.run_id, json.dumps({**table, "data": [*table["data"], *rows]}), artifact_file)

    def _read_table(self, artifact_file: str) -> Any:
        if artifact_file not in {file.path for file in self.client.list_artifacts(self.run_id)}:
            return None
        with tempfile.TemporaryDirectory() as folder:
            return json.loads(Path(self.client.download_artifacts(self.run_id, artifact_file, folder)).read_text())


def open_run(tracking: TrackingConfig, run: RunDescription, *, run_id: str | None, may_exist: bool) -> MlflowRun:
    """Return the run in the store, made where it is missing.

    Args:
        tracking: where the store is.
        run: what it is told of a run that is made.
        run_id: of a run that was made before, as far as is known.
        may_exist: whether one may be there whose id is not known: it is looked for by its key.
    """
    client, experiment_id = open_client(tracking)
    if run_id is not None and _exists(client, run_id):
        return MlflowRun(client, run_id, is_new=False)
    if may_exist:
        found = client.search_runs([experiment_id], f"tags.{KEY_TAG} = '{run.tags[KEY_TAG]}'", max_results=1)
        if found:
            if not found[0].data.params:  # its making was cut short
                _describe(client, found[0].info.run_id, run)
            return MlflowRun(client, found[0].info.run_id, is_new=False)
    tags = {"mlflow.user": os.environ.get("USER", "unknown"), "mlflow.source.type": "LOCAL", **run.tags}
    created = client.create_run(experiment_id, run_name=run.name, tags=tags).info.run_id
    _describe(client, created, run)
    return MlflowRun(client, created, is_new=True)


def _exists(client: Any, run_id: str) -> bool:
    from mlflow.exceptions import MlflowException

    try:
        return bool(client.get_run(run_id).info.lifecycle_stage == "active")
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":  # of another store
            return False
        raise


def _describe(client: Any, run_id: str, run: RunDescription) -> None:
    # Params last: a run that has them has all.
    _log_dataset(client, run_id, run.dataset)
    _log_params(client, run_id, run.params)


def _log_params(client: Any, run_id: str, params: Mapping[str, Any]) -> None:
    from mlflow.entities import Param

    entries = [Param(key, str(value)[:MAX_PARAM_LENGTH]) for key, value in params.items()]
    for start in range(0, len(entries), MAX_PARAMS):
        client.log_batch(run_id, params=entries[start : start + MAX_PARAMS])


def _log_dataset(client: Any, run_id: str, dataset: Mapping[str, Any]) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    facts = {key: value for key, value in dataset.items() if key != "name"}
    entity = Dataset(
        name=str(dataset["name"]),
        digest=str(dataset["sha256"])[:36],
        source_type="text",
        source=json.dumps({"name": dataset["name"]}),
        profile=json.dumps(facts),
    )
    client.log_inputs(run_id, [DatasetInput(entity, [InputTag("mlflow.data.context", "training")])])
