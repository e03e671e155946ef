"""A sweep's own run in MLflow, and the view of its jobs."""

import json
from pathlib import Path

import pytest

from charrnn_exp.tracking.store import open_client
from charrnn_exp.tracking.sweep_run import TAG, VIEW_TAG, SweepRecord, filter_jobs, log_sweep
from tests.conftest import compose_once


@pytest.mark.slow
def test_a_sweep_that_goes_on_is_sent_to_the_same_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tracking, page = compose_once("tracking=local").tracking, tmp_path / "comparison.html"
    client, experiment_id = open_client(tracking)
    for loss, run_ids in ((1.5, []), (1.25, ["abc", "def"])):
        page.write_text(f"<p>{loss}")
        record = SweepRecord(
            label="a/2026/1",
            name="sweep of mine",
            jobs=filter_jobs("a/2026/1", run_ids),
            files=[page],
            results={"best_val_loss": str(loss)},
            grouping=["model.cell"],
        )
        answer = log_sweep(tracking, record)
        assert answer[0] == experiment_id
        (run,) = client.search_runs([experiment_id], f"tags.{TAG} = 'a/2026/1'")
        assert (run.info.run_name, run.info.status) == ("sweep of mine", "FINISHED")
        assert (run.data.metrics, run.data.tags["best_val_loss"]) == ({}, str(loss))
        stored = client.download_artifacts(run.info.run_id, "comparison.html", str(tmp_path))
        assert Path(stored).read_text() == f"<p>{loss}"
        view = json.loads(client.get_experiment(experiment_id).tags[VIEW_TAG + answer[1]])
        assert view["searchFilter"] == ("run_id IN ('abc', 'def')" if run_ids else "tags.sweep = 'a/2026/1'")
        assert view["groupBy"]["groupByKeys"] == [{"mode": "param", "groupByData": "model.cell"}]
        client.search_runs([experiment_id], view["searchFilter"])  # a filter that MLflow reads
