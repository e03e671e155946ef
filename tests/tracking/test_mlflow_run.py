"""Opening a run in a real store while another process does the same."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from charrnn_exp.tracking.mlflow_run import RunDescription, open_run
from tests.conftest import compose_once


def describe(key: str) -> RunDescription:
    dataset = {"name": "stdlib", "sha256": "ab" * 32, "num_bytes": 3}
    return RunDescription(name="a run", params={"seed": 5}, tags={"run_key": key}, dataset=dataset)


@pytest.mark.slow
def test_of_two_runs_that_are_the_first_with_a_text_none_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow looks for a dataset before it inserts it; here the other run inserts it in between."""
    monkeypatch.chdir(tmp_path)
    tracking = compose_once("tracking=local").tracking
    others: list[Any] = []

    @sqlalchemy.event.listens_for(sqlalchemy.engine.Engine, "before_cursor_execute")
    def overtake(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if statement.startswith("INSERT INTO datasets") and not others:
            others.append(None)
            others.append(open_run(tracking, describe("other"), run_id=None, may_exist=False))

    try:
        ours = open_run(tracking, describe("ours"), run_id=None, may_exist=False)
    finally:
        sqlalchemy.event.remove(sqlalchemy.engine.Engine, "before_cursor_execute", overtake)
    _, other = others
    for run in (ours, other):
        stored = ours.client.get_run(run.run_id)
        (dataset,) = stored.inputs.dataset_inputs
        assert dataset.dataset.name == "stdlib"
        assert stored.data.params == {"seed": "5"}
