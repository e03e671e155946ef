"""Addresses of MLflow's pages: an experiment's charts, a run.

Each has `workflowType=machine_learning`: MLflow 3 starts in its GenAI mode, which has no charts.
"""

from charrnn_exp.config.choices import Backend
from charrnn_exp.config.schema import TrackingConfig
from charrnn_exp.config.secrets import redact
from charrnn_exp.tracking.store import DATABASE, find_uri

LOCAL_SERVER = "http://127.0.0.1:5000"
"""The address at which `ui` serves the local store, where nothing else is served there."""


def find_charts_page(address: str, experiment_id: str, *, view: str | None = None) -> str:
    """Return the address of the charts of an experiment: of all its runs, or those of a stored view.

    >>> find_charts_page("http://host:5000", "1")
    'http://host:5000/#/experiments/1/runs?workflowType=machine_learning&compareRunsMode=CHART'
    """
    page = f"{address}/#/experiments/{experiment_id}/runs?workflowType=machine_learning&compareRunsMode=CHART"
    return page if view is None else f"{page}&viewStateShareKey={view}"


def find_sweep_page(tracking: TrackingConfig, experiment_id: str, view: str) -> str:
    """Return the address of the charts of a sweep, see `find_run_page`."""
    return find_charts_page(_find_address(tracking), experiment_id, view=view)


def find_run_page(tracking: TrackingConfig, experiment_id: str, run_id: str) -> str:
    """Return the address of the page of a run, without a password; of a local one while `ui` serves it."""
    return f"{_find_address(tracking)}/#/experiments/{experiment_id}/runs/{run_id}?workflowType=machine_learning"


def name_store(tracking: TrackingConfig) -> str:
    """Return the store as text for people: the path of the database, or the address of the server."""
    return str(DATABASE) if tracking.backend is Backend.local else redact(find_uri(tracking))


def _find_address(tracking: TrackingConfig) -> str:
    return LOCAL_SERVER if tracking.backend is Backend.local else redact(find_uri(tracking)).rstrip("/")
