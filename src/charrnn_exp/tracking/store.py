"""Where MLflow keeps its books: the local store in mlruns/, or a server."""

import logging
import os
from pathlib import Path
from typing import Any

from filelock import FileLock

from charrnn_exp.config.schema import Backend, TrackingConfig

MLRUNS = Path("mlruns")


def find_uri(tracking: TrackingConfig) -> str:
    """Return the tracking URI; the local store lies in the current folder."""
    if tracking.backend is Backend.server:
        return str(tracking.uri or os.environ["MLFLOW_TRACKING_URI"])
    return f"sqlite:///{(MLRUNS / 'mlflow.db').absolute()}"


def open_client(tracking: TrackingConfig) -> tuple[Any, str]:
    """Return an MlflowClient and the id of the experiment, made where it is missing.

    MLflow's first start on a fresh database is not safe in parallel, so a file lock is held around it.
    """
    client_class = _import_client()
    uri = find_uri(tracking)
    if tracking.backend is Backend.server:
        client = client_class(tracking_uri=uri)
        return client, _find_experiment(client, tracking.experiment_name, None)
    MLRUNS.mkdir(parents=True, exist_ok=True)
    with FileLock(MLRUNS / ".lock"):
        client = client_class(tracking_uri=uri)
        artifacts = (MLRUNS / "artifacts").absolute().as_uri()
        return client, _find_experiment(client, tracking.experiment_name, artifacts)


def find_existing_experiment(tracking: TrackingConfig) -> str | None:
    """Return the id of the experiment, or None where there is none yet."""
    experiment = _import_client()(tracking_uri=find_uri(tracking)).get_experiment_by_name(tracking.experiment_name)
    return None if experiment is None else str(experiment.experiment_id)


def _find_experiment(client: Any, name: str, artifacts: str | None) -> str:
    experiment = client.get_experiment_by_name(name)
    if experiment is not None:
        return str(experiment.experiment_id)
    return str(client.create_experiment(name, artifact_location=artifacts))


def _import_client() -> Any:
    """Import MLflow with no telemetry, no git warnings, no log lines, and no four-minute wait for a dead server."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    from mlflow import MlflowClient

    logging.getLogger("mlflow").setLevel(logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    return MlflowClient
