"""Access to a tracking server: asked for before a run begins, so that a refusal costs nothing."""

import contextlib
import http
import json
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from charrnn_exp.config.choices import Backend
from charrnn_exp.config.schema import TrackingConfig
from charrnn_exp.config.secrets import redact
from charrnn_exp.errors import MachineError
from charrnn_exp.tracking.store import PERMISSION_WAITS, find_uri, import_client

PROBE_SECONDS = 2.0
"""Seconds that a server has to answer an access check; a silent server does not delay the start further."""
PASSWORD_SECONDS = 10.0
"""The same of a check with a password, of a server that has answered one without: hashing takes a busy one a while."""
UNAUTHORIZED = 401
REFUSALS = (UNAUTHORIZED, 403)
UNTRUSTED = 0
"""In place of a status: the certificate is none of the system's. MLflow has a setting for those of its servers."""
API = "/api/2.0/mlflow"
NEW_SECONDS = 60.0
"""Age of an experiment whose refusal may pass, and by which clocks may differ."""

T = TypeVar("T")


def probe_server(tracking: TrackingConfig, *, run_id: str | None = None) -> None:
    """Check that the tracking server lets us write; one that does not answer is left to the tracker's warning.

    Args:
        tracking: settings of the store.
        run_id: MLflow id of a run that goes on; None: a run is made in the experiment.

    Raises:
        MachineError: if it refuses access (401 or 403), to all or to this.
    """
    if tracking.backend is not Backend.server:
        return
    # First without credentials and without MLflow, whose import takes a second: most servers need none.
    shown_uri = redact(find_uri(tracking))
    if _answer_in_time(lambda: _ask(shown_uri), PROBE_SECONDS) not in (*REFUSALS, UNTRUSTED):
        return
    import_client()
    if (line := _answer_in_time(lambda: _find_refusal(tracking, run_id), PASSWORD_SECONDS)) is not None:
        raise MachineError(line)


def describe_refusal(uri: str, status: int) -> str:
    """Return a line on a server that refuses access, with the way out; the address is shown without its password."""
    way_out = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
    if status != UNAUTHORIZED:
        way_out = "ask its admin for the permission to read, see that the user is the right one"
    return (
        f"tracking server {redact(uri)} refused access ({status} {http.HTTPStatus(status).phrase}): {way_out}, or use "
        "tracking=local."
    )


def _answer_in_time(ask: Callable[[], T], seconds: float) -> T | None:
    """Return the answer; None after the time without one. A thread, since a DNS look-up has no timeout."""
    answers: list[T] = []

    def work() -> None:
        with contextlib.suppress(Exception):  # urllib's, http.client's, requests', MLflow's: no answer
            answers.append(ask())

    thread = threading.Thread(target=work, name="probe", daemon=True)
    thread.start()
    thread.join(seconds)
    return answers[0] if answers else None


def _ask(uri: str) -> int:
    address = f"{uri.rstrip('/')}{API}/experiments/get?experiment_id=0"
    try:
        with urllib.request.urlopen(address, timeout=PROBE_SECONDS) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLError):
            return UNTRUSTED
        raise


def _find_refusal(tracking: TrackingConfig, run_id: str | None) -> str | None:
    """Ask with the credentials that MLflow finds; return a line on what is refused, None where nothing is.

    What is asked for changes nothing, whatever the answer: a batch of no metrics, a new name for an experiment that is
    not given. MLflow looks at the permission first.
    """
    uri, name, began = find_uri(tracking), tracking.experiment_name, time.monotonic()
    status, found = _ask_with_password(uri, "GET", "experiments/get-by-name", {"experiment_name": name})
    if status in REFUSALS:
        return describe_refusal(uri, status)
    what = f"the experiment {name!r}"
    own = "use another experiment with tracking.experiment_name=NAME, or tracking=local"
    if run_id is not None and _ask_with_password(uri, "GET", "runs/get", {"run_id": run_id})[0] == 200:
        what, own = f"run {run_id}", "use tracking=local"
        status, _ = _ask_with_password(uri, "POST", "runs/log-batch", {"run_id": run_id})
    elif status == 200:
        experiment = found["experiment"]
        # The maker of an experiment gets the permission a moment after the maker's other machines see it.
        is_new = abs(time.time() - int(experiment.get("creation_time") or 0) / 1_000) < NEW_SECONDS
        for seconds in (*(PERMISSION_WAITS if is_new else ()), 0.0):
            values = {"experiment_id": str(experiment["experiment_id"])}
            status, _ = _ask_with_password(uri, "POST", "experiments/update", values)
            if status not in REFUSALS or time.monotonic() > began + PASSWORD_SECONDS / 2:
                break
            time.sleep(seconds)
    if status not in REFUSALS:
        return None
    return (
        f"tracking server {redact(uri)} lets you read {what} but not write into it ({status} "
        f"{http.HTTPStatus(status).phrase}): ask its owner or the server's admin for the permission EDIT, {own}."
    )


def _ask_with_password(uri: str, method: str, endpoint: str, values: Mapping[str, str]) -> tuple[int, Any]:
    """Return the HTTP status and the values of an answer."""
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    answer = http_request(
        get_default_host_creds(uri),
        f"{API}/{endpoint}",
        method,
        **{"params" if method == "GET" else "json": dict(values)},
        raise_on_status=False,
        timeout=PASSWORD_SECONDS,
        max_retries=0,
    )
    status = int(answer.status_code)
    return status, json.loads(answer.content) if status == 200 else None
