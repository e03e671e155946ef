"""Pages about a run, sent to its MLflow run as artifacts."""

from collections.abc import Sequence
from pathlib import Path

from charrnn_exp.config.choices import Backend
from charrnn_exp.config.schema import TrackingConfig
from charrnn_exp.config.secrets import hide_secrets
from charrnn_exp.errors import MachineError, UserError, one_line
from charrnn_exp.program import name_program
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.tracking.access import probe_server
from charrnn_exp.tracking.store import DATABASE, find_uri, import_client, mend_local_store

VIEWS = "views"
"""Folder of the artifacts."""


def check_sending(folder: RunFolder, tracking: TrackingConfig) -> str:
    """Return the MLflow id of a run whose store can be sent to, without changing anything.

    Raises:
        UserError: if the run is not tracked.
        MachineError: if the server refuses us, or the local store is missing.
    """
    run_id = folder.read_tracking().get("run_id")
    if tracking.backend is Backend.none or run_id is None:
        raise UserError(
            f"log must be false for a run that is not in MLflow, got true for {folder.path}. "
            f"`{name_program()} repair` sends a tracked run that is not there yet."
        )
    if tracking.backend is Backend.local and not DATABASE.is_file():
        raise MachineError(f"no tracking store at {DATABASE.absolute()}: go to the folder where the run was made.")
    probe_server(tracking, run_id=run_id)
    return str(run_id)


def send_views(tracking: TrackingConfig, run_id: str, paths: Sequence[Path]) -> None:
    """Send the pages to the folder `views` of a run's artifacts.

    Raises:
        MachineError: if the store does not take them.
    """
    try:
        if tracking.backend is Backend.local:
            mend_local_store()
        client = import_client()(tracking_uri=find_uri(tracking))
        for path in paths:
            client.log_artifact(run_id, str(path), VIEWS)
    except MachineError:
        raise
    except Exception as error:  # MLflow raises its own, requests' and SQLAlchemy's
        raise MachineError(
            f"MLflow did not take the views of run {run_id} ({hide_secrets(one_line(error))[:300]}): try again."
        ) from error
