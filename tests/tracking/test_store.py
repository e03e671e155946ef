"""The local store: made whole or not at all."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


def open_in_a_process() -> "subprocess.Popen[str]":
    code = (
        "from charrnn_exp.config.compose import compose_jobs\n"
        "from charrnn_exp.tracking.store import open_client\n"
        "client, experiment_id = open_client(compose_jobs([])[0].tracking)\n"
        "print(client.create_run(experiment_id).info.status)\n"
    )
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
@pytest.mark.parametrize("num_bytes", [1, 100_000, 300_000])
def test_a_kill_while_the_store_is_made_costs_nothing(
    num_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    killed = open_in_a_process()
    while not any(path.stat().st_size >= num_bytes for path in tmp_path.glob("mlruns/.mlflow.db.unfinished")):
        assert killed.poll() is None
        time.sleep(0.001)
    killed.kill()
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "mlruns/mlflow.db").exists()

    assert open_in_a_process().communicate()[0] == "RUNNING\n"
    assert {path.name for path in tmp_path.glob("mlruns/*")} == {".lock", "mlflow.db"}
