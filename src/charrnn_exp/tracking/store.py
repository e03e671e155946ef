"""Where MLflow keeps its books: the local store in mlruns/, or a server."""

import http.client
import logging
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from filelock import FileLock

from charrnn_exp.config.checks import redact
from charrnn_exp.config.schema import Backend, TrackingConfig
from charrnn_exp.errors import MachineError

MLRUNS = Path("mlruns")
PROBE_SECONDS = 2.5
"""How long a server may take to say whether it lets us in; one that says nothing is not waited for."""
REFUSALS = (401, 403)


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


def probe_server(tracking: TrackingConfig) -> None:
    """Ask the tracking server whether it lets us in; one that does not answer is the tracker's to warn of.

    Raises:
        MachineError: if it refuses us.
    """
    if tracking.backend is not Backend.server:
        return
    uri = find_uri(tracking)
    # First without a password and without MLflow, whose import takes a second: most servers ask for none.
    request = urllib.request.Request(f"{redact(uri).rstrip('/')}/api/2.0/mlflow/experiments/get?experiment_id=0")
    try:
        urllib.request.urlopen(request, timeout=PROBE_SECONDS).close()
    except urllib.error.HTTPError as error:
        if error.code in REFUSALS:
            _ask_with_password(tracking, redact(uri))
    except (OSError, ValueError, http.client.HTTPException):
        return


def _ask_with_password(tracking: TrackingConfig, shown_uri: str) -> None:
    """Ask for our experiment with the user and password, or token, that MLflow finds."""
    _import_client()
    from mlflow.exceptions import MlflowException
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    try:
        answer = http_request(
            get_default_host_creds(find_uri(tracking)),
            "/api/2.0/mlflow/experiments/get-by-name",
            "GET",
            params={"experiment_name": tracking.experiment_name},
            raise_on_status=False,
            timeout=PROBE_SECONDS,
            max_retries=0,
        )
    except MlflowException:
        return
    if answer.status_code in REFUSALS:
        raise MachineError(
            f"tracking server {shown_uri} must let us in, got {answer.status_code} {answer.reason}. Set "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, or use tracking=local."
        )


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
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")  # the tracker tries again itself
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "5")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    from mlflow import MlflowClient

    logging.getLogger("mlflow").setLevel(logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    return MlflowClient
