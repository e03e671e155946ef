"""The MLflow store: the local database in mlruns/, or a tracking server."""

import contextlib
import logging
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import FileLock

from charrnn_exp.config.choices import Backend
from charrnn_exp.config.schema import TrackingConfig
from charrnn_exp.errors import MachineError
from charrnn_exp.files import sync_folder
from charrnn_exp.tracking.moved_store import mend_paths

log = logging.getLogger(__name__)

MLRUNS = Path("mlruns")
DATABASE = MLRUNS / "mlflow.db"
LOCKED_SECONDS = 5.0
"""Seconds of waiting for a database that another process has locked."""
FIRST_START_SECONDS = 300.0
"""Seconds of waiting while another process creates the database."""
PERMISSION_WAITS = (0.5, 1.0, 2.0)
"""Seconds between two requests to write into an experiment that is refused."""


def find_uri(tracking: TrackingConfig) -> str:
    """Return the tracking URI; the local store is in the current folder."""
    if tracking.backend is Backend.server:
        return str(tracking.uri or os.environ["MLFLOW_TRACKING_URI"])
    return f"sqlite:///{DATABASE.absolute()}"


def find_artifacts() -> str:
    """Return the address of the local store's folder of artifacts."""
    return (MLRUNS / "artifacts").absolute().as_uri()


def mend_local_store() -> str | None:
    """Let the paths in a local store that was moved or copied lead here; say what was done, None where nothing was.

    Raises:
        MachineError: if the store is locked, or no store of MLflow.
    """
    if not DATABASE.exists():
        return None
    try:
        with FileLock(MLRUNS / ".lock", timeout=FIRST_START_SECONDS):
            _wait_until_unlocked()
            return mend_paths(DATABASE, find_artifacts())
    except sqlite3.Error as error:
        raise MachineError(
            f"the tracking store {DATABASE} cannot be read ({error}): end what has it locked, or move it away."
        ) from error


def open_client(tracking: TrackingConfig) -> tuple[Any, str]:
    """Return an MlflowClient and the id of the experiment; create the experiment where it is missing.

    MLflow's creation of a database is safe neither in parallel nor under a kill. So a file lock is held around it, and
    the database gets its final name only when it is complete.
    """
    client_class = import_client()
    uri = find_uri(tracking)
    if tracking.backend is Backend.server:
        client = client_class(tracking_uri=uri)
        return client, wait_for_permission(lambda: _find_experiment(client, tracking.experiment_name, None))
    MLRUNS.mkdir(parents=True, exist_ok=True)
    with FileLock(MLRUNS / ".lock", timeout=FIRST_START_SECONDS):
        artifacts = find_artifacts()
        if DATABASE.exists():
            _wait_until_unlocked()
            if (mended := mend_paths(DATABASE, artifacts)) is not None:
                log.warning(mended)
        else:
            _make_database(artifacts)
        client = client_class(tracking_uri=uri)
        return client, _find_experiment(client, tracking.experiment_name, artifacts)


def _make_database(artifacts: str) -> None:
    """Create the database under a temporary name, then rename it: MLflow cannot use an incomplete one."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    unfinished = DATABASE.with_name(".mlflow.db.unfinished")
    for left_behind in MLRUNS.glob(f"{unfinished.name}*"):  # left by a kill, with its journal
        left_behind.unlink()
    SqlAlchemyStore(f"sqlite:///{unfinished.absolute()}", artifacts).engine.dispose()
    unfinished.replace(DATABASE)
    sync_folder(MLRUNS)


def _wait_until_unlocked() -> None:
    """Read from the database once: MLflow itself retries a locked one for minutes.

    Raises:
        sqlite3.OperationalError: if it is still locked after `LOCKED_SECONDS`.
    """
    with contextlib.closing(sqlite3.connect(DATABASE, timeout=LOCKED_SECONDS)) as connection:
        connection.execute("select count(*) from sqlite_master").fetchone()


def list_experiments(tracking: TrackingConfig) -> dict[str, str]:
    """Return the ids of the experiments by name, the one that changed last first; without MLflow's own, number 0."""
    client = import_client()(tracking_uri=find_uri(tracking))
    found = client.search_experiments(order_by=["last_update_time DESC"])
    return {each.name: str(each.experiment_id) for each in found if each.experiment_id != "0"}


def wait_for_permission(ask: Callable[[], Any]) -> Any:
    """Return what the server answers; a refusal is asked again for some seconds.

    A server with users shows a new experiment to the other machines of its maker a moment before it gives the maker the
    permission to write into it.
    """
    from mlflow.exceptions import MlflowException

    for seconds in PERMISSION_WAITS:
        try:
            return ask()
        except MlflowException as error:
            if error.error_code != "PERMISSION_DENIED":
                raise
            time.sleep(seconds)
    return ask()


def _find_experiment(client: Any, name: str, artifacts: str | None) -> str:
    from mlflow.exceptions import MlflowException

    experiment = client.get_experiment_by_name(name)
    if experiment is not None:
        if experiment.lifecycle_stage == "deleted":
            client.restore_experiment(experiment.experiment_id)
            log.warning(
                "the MLflow experiment %r was deleted: it is restored, with its runs. To leave it so, set "
                "tracking.experiment_name=NAME.",
                name,
            )
        return str(experiment.experiment_id)
    try:
        return str(client.create_experiment(name, artifact_location=artifacts))
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
        return str(client.get_experiment_by_name(name).experiment_id)  # another machine was faster


def preload_client() -> None:
    """Import MLflow with its store in a database, which its first call would import, and open nothing."""
    import_client()
    import mlflow.store.tracking.sqlalchemy_store  # noqa: F401


def make_store(tracking: TrackingConfig) -> None:
    """Make the local store where there is none, which takes seconds; a failure is left to the runs that need it."""
    if tracking.backend is Backend.local and not DATABASE.exists():
        with contextlib.suppress(Exception):  # any of MLflow's
            open_client(tracking)


def import_client() -> Any:
    """Import MLflow without telemetry, git warnings, bars and links of its own, four minutes of retries, and log lines.

    MLflow logs every exception that it raises, with a traceback; the tracker reports it in one line instead.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")  # where tqdm is installed
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # of a server's run, at its end
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "CRITICAL")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")  # the tracker retries
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "5")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    from mlflow import MlflowClient

    for library in ("mlflow", "alembic", "sqlalchemy"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    return MlflowClient
