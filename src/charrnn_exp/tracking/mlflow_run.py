"""One run in MLflow: creating or finding it, and sending to it. Every call may raise any exception of MLflow."""

import getpass
import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Set
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

from charrnn_exp.config.schema import TrackingConfig
from charrnn_exp.tracking.rows import SCORE_STEP, find_places, has_sections
from charrnn_exp.tracking.store import open_client, wait_for_permission

MAX_METRICS_PER_CALL = 1000
MAX_PARAMS = 100
"""Limit of MLflow for one call."""
MAX_PARAM_LENGTH = 6000
KEY_TAG = "run_key"
"""Tag with a unique key: it identifies a run in MLflow whose id was lost before it was written to the run folder."""
CHANGES_TAG = "changes"
"""Tag with the settings that a resumed run went on with, and the steps; its params are those of its start."""
RESUMED_TAG = "resumed_from"
"""Tag with the MLflow id of the run of a store from whose training state a run went on."""
MAX_TAG_LENGTH = 5000

Entry = tuple[str, float, int, int]
"""A metric: name, value, time in milliseconds, step."""
Key = tuple[str, int] | tuple[str, int, float]
"""A value in the store: name and step there; of a score the value too, since a run that goes on has later ones."""


@dataclass(frozen=True, kw_only=True)
class RunDescription:
    """Data that MLflow gets at the start of a run.

    Args:
        name: run name in the UI.
        params: settings by dotted key.
        tags: versions, git commit, label of the run folder, and the unique key under `KEY_TAG`.
        dataset: name and fingerprint of the text.
        began: Unix time in seconds at which the first session began; None: not recorded.
    """

    name: str
    params: Mapping[str, Any]
    tags: Mapping[str, str]
    dataset: Mapping[str, Any]
    began: float | None = None

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Return the description that `as_dict` wrote; other keys are ignored, those of later versions may lack."""
        return cls(**{field.name: values[field.name] for field in fields(cls) if field.name in values})

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return asdict(self)


class MlflowRun:
    """An existing run in the store.

    Args:
        client: MlflowClient of the store.
        info: its ids and times, an MLflow `RunInfo`.
        is_new: whether it was just created.
        names: of its metrics in the store.
    """

    def __init__(self, client: Any, info: Any, *, is_new: bool, names: Iterable[str] = ()) -> None:
        self.client, self.is_new = client, is_new
        self.run_id, self.experiment_id = str(info.run_id), str(info.experiment_id)
        self._names = set(names)
        self._has_sections = has_sections(self._names)

    def start_again(self) -> None:
        """Set the status of a run that goes on."""
        self.client.update_run(self.run_id, status="RUNNING")

    def end(self, status: str, ended: float) -> None:
        """Set the final status and the time, in seconds, at which the run ended."""
        self.client.set_terminated(self.run_id, status=status, end_time=int(ended * 1000))

    def tag_changes(self, run: RunDescription) -> None:
        """Set the tag with the changes of a run that has some."""
        if CHANGES_TAG in run.tags:
            self.client.set_tag(self.run_id, CHANGES_TAG, run.tags[CHANGES_TAG])

    def find_sent(self) -> set[Key]:
        """Return the values in the store when the run was opened."""
        histories = {name: self.client.get_metric_history(self.run_id, name) for name in self._names}
        return {_identify(name, m.step, m.value) for name, history in histories.items() for m in history}

    def send_metrics(self, entries: Iterable[Entry], sent: Set[Key]) -> int:
        """Send the metrics that are not in the store, in batches; return their number.

        Args:
            entries: with the names and steps of `metrics.jsonl`; one that is sent twice is stored once.
            sent: values in the store.
        """
        from mlflow.entities import Metric

        metrics = [
            Metric(name, value, timestamp, step)
            for local_name, value, timestamp, local_step in entries
            for name, step in find_places(local_name, local_step, has_sections=self._has_sections)
            if _identify(name, step, value) not in sent
        ]
        for start in range(0, len(metrics), MAX_METRICS_PER_CALL):
            self.client.log_batch(self.run_id, metrics=metrics[start : start + MAX_METRICS_PER_CALL])
        return len(metrics)

    def send_path(self, path: Path, artifact_folder: str) -> None:
        """Send a file or a folder; a missing one is skipped."""
        if path.is_dir():
            self.client.log_artifacts(self.run_id, str(path), artifact_folder)
        elif path.exists():
            self.client.log_artifact(self.run_id, str(path), artifact_folder or None)

    def find_table_steps(self, artifact_file: str) -> set[int]:
        """Return the steps of the rows of a table in the store."""
        table = self._read_table(artifact_file)
        if table is None:
            return set()
        place = table["columns"].index("step")
        return {row[place] for row in table["data"]}

    def add_rows(self, columns: Mapping[str, list[Any]], artifact_file: str) -> None:
        """Add rows to a table; create it where it is missing.

        MLflow's `log_table` is used to create it only: to append, it reads the table back and guesses types, which
        turns the text "007" into the number 7.
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
    """Return the run in the store; create it where it is missing.

    Args:
        tracking: settings of the store.
        run: description for a run that is created.
        run_id: id of the run from an earlier session; None: unknown.
        may_exist: whether to search for the run by its key where the id is unknown.
    """
    client, experiment_id = open_client(tracking)
    if run_id is not None and (stored := _find_run(client, run_id)) is not None:
        return MlflowRun(client, stored.info, is_new=False, names=stored.data.metrics)
    if may_exist:
        found = client.search_runs([experiment_id], f"tags.{KEY_TAG} = '{run.tags[KEY_TAG]}'", max_results=1)
        if found:
            if not found[0].data.params:  # its creation was interrupted
                _describe(client, found[0].info.run_id, run)
            return MlflowRun(client, found[0].info, is_new=False, names=found[0].data.metrics)
    tags = {"mlflow.user": _find_user(), "mlflow.source.type": "LOCAL", **run.tags}
    began = None if run.began is None else int(run.began * 1000)
    values = {"start_time": began, "run_name": run.name, "tags": tags}
    created = wait_for_permission(lambda: client.create_run(experiment_id, **values)).info
    _describe(client, created.run_id, run)
    return MlflowRun(client, created, is_new=True)


def _identify(name: str, step: int, value: float) -> Key:
    return (name, step, value) if step == SCORE_STEP else (name, step)


def _find_run(client: Any, run_id: str) -> Any:
    """Return a run; None where the store has none of this id or hides it, or it was deleted."""
    from mlflow.exceptions import MlflowException

    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "PERMISSION_DENIED"):
            return None  # the id is of another store; with users and passwords MLflow tells no more than a refusal
        raise
    return run if run.info.lifecycle_stage == "active" else None


def _find_user() -> str:
    """Return the name of the user; its number where the machine, often a container, has no name for it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


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
    from mlflow.exceptions import MlflowException

    facts = {key: value for key, value in dataset.items() if key != "name"}
    entity = Dataset(
        name=str(dataset["name"]),
        digest=str(dataset["sha256"])[:36],
        source_type="text",
        source=json.dumps({"name": dataset["name"]}),
        profile=json.dumps(facts),
    )
    inputs = [DatasetInput(entity, [InputTag("mlflow.data.context", "training")])]
    try:
        client.log_inputs(run_id, inputs)
    except MlflowException as error:
        if error.error_code != "BAD_REQUEST":
            raise
        # MLflow looks for the dataset, then inserts it: of two runs that are the first with it one fails.
        client.log_inputs(run_id, inputs)
