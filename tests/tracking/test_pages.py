"""Addresses of MLflow's pages, and the names of stores."""

from pathlib import Path

import pytest

from charrnn_exp.config.compose import compose_jobs
from charrnn_exp.tracking.pages import find_run_page, name_store


def test_a_password_in_the_variable_is_never_in_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:sesame@host:5000/")
    tracking = compose_jobs(["tracking=server"])[0].tracking
    page = find_run_page(tracking, "7", "ab")
    assert page.endswith("host:5000/#/experiments/7/runs/ab?workflowType=machine_learning")
    assert "sesame" not in page + name_store(tracking)


def test_a_local_run_is_where_ui_serves_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tracking = compose_jobs([])[0].tracking
    assert name_store(tracking) == "mlruns/mlflow.db"
    assert find_run_page(tracking, "1", "ab").startswith("http://127.0.0.1:5000/#/experiments/1/runs/ab?")
