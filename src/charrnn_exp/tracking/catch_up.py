"""Late tracking: the data that an outage or a kill kept from MLflow is sent from the run folder."""

import contextlib
import time
from dataclasses import dataclass, replace

from charrnn_exp.config.choices import Backend
from charrnn_exp.config.schema import TrackingConfig
from charrnn_exp.errors import MachineError
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.metrics import read_rows
from charrnn_exp.run_folder.samples import read_samples
from charrnn_exp.streams import write_note
from charrnn_exp.tracking.artifacts import list_artifacts
from charrnn_exp.tracking.mlflow_run import RunDescription, open_run
from charrnn_exp.tracking.rows import pick_rows
from charrnn_exp.tracking.store import mend_local_store
from charrnn_exp.tracking.tables import TABLE, build_table, find_val_loss


@dataclass(frozen=True)
class Sent:
    """The data that MLflow received.

    Args:
        run_id: of the MLflow run.
        num_metrics: values it lacked.
    """

    run_id: str
    num_metrics: int

    def __str__(self) -> str:
        return f"sent {self.num_metrics} metric values and the files to MLflow run {self.run_id}"


def catch_up(folder: RunFolder, tracking: TrackingConfig) -> Sent | None:
    """Send the missing data of a run that has ended; None where it is not tracked. The caller holds its lock.

    Raises:
        Exception: any of MLflow; the next call sends the rest.
    """
    if tracking.backend is Backend.none or not folder.read_tracking():
        return None
    if tracking.backend is Backend.local:
        with contextlib.suppress(MachineError):  # what is wrong with the store is told below
            if (mended := mend_local_store()) is not None:
                write_note(mended)
    summary = folder.read_summary()
    assert summary.status is not None, "a run that has ended says how"
    sent = send_missing(folder, tracking, status=summary.status)
    folder.write_summary(replace(summary, run_id=sent.run_id))
    return sent


def send_missing(folder: RunFolder, tracking: TrackingConfig, *, status: str) -> Sent:
    """Send missing metrics and samples, all files, and the status; record that MLflow is complete.

    Values get the present time: the rows of the folder have none.

    Raises:
        Exception: any of MLflow; the next call sends the rest.
    """
    record, rows = folder.read_tracking(), list(read_rows(folder.metrics))
    run = RunDescription.of(record)
    stored = open_run(tracking, run, run_id=record["run_id"], may_exist=True)
    stored.tag_changes(run)
    record |= {"run_id": stored.run_id, "experiment_id": stored.experiment_id}
    folder.write_tracking(record)
    now = int(time.time() * 1000)
    picked = pick_rows(rows, tracking.log_every_steps)
    entries = [(name, value, now, step) for step, metrics in picked for name, value in metrics.items()]
    num_metrics = stored.send_metrics(entries, stored.find_sent())
    checkpoints = CheckpointStore(folder.checkpoints, facts={}, num_rolling=1)
    for path, artifact_folder in list_artifacts(folder, checkpoints, tracking.log_checkpoints).items():
        stored.send_path(path, artifact_folder)
    losses = [(at, metrics["val_loss"]) for at, metrics in rows if "val_loss" in metrics]
    known, config = stored.find_table_steps(TABLE), folder.read_config()
    temperature = config.sampling.temperature
    for step, texts in read_samples(folder.samples, config.dataset, warn=write_note).items():
        if step not in known:
            val_loss = find_val_loss(losses, step)
            table = build_table(texts, run=run.name, step=step, val_loss=val_loss, temperature=temperature)
            stored.add_rows(table, TABLE)
    stored.end(status, folder.find_last_write())
    folder.write_tracking({**record, "complete": True})
    return Sent(stored.run_id, num_metrics)
