"""A sweep on Ray: of its own, and on a cluster of two nodes of which one is killed."""

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from mlflow import MlflowClient

from charrnn_exp.config.compose import compose_jobs
from charrnn_exp.config.reading import to_values
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.sweeps.cluster.carried import fetch_into
from charrnn_exp.sweeps.request import Request
from stress.mlflow_server import serve
from stress.processes import find_alive
from stress.ray_cluster import RayCluster, kill_tree
from tests.slow.programs import SMALL, TEXT, end, start, wait_for_checkpoints

pytestmark = pytest.mark.slow
pytest.importorskip("ray")
LONG = ["training.epochs=100000", "training.validate_every_steps=100000", "training.checkpoint_every_steps=5"]
JOBS = ["training.epochs=100000", "training.max_steps=1500", "training.checkpoint_every_steps=20", "seed=range(1,5)"]
SENT = ["training.epochs=100000", "training.max_steps=15000", "training.checkpoint_every_steps=150"]
"""Longer than a first checkpoint takes to the server."""
GONE_AFTER_SECONDS = 8.0
"""Of the processes of Ray itself; a job ends within 5 s."""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the text, and files that are named like modules."""
    (tmp_path / "text.txt").write_bytes(TEXT.read_bytes())
    for name in ("json", "psutil", "charrnn_exp", "ray", "numpy", "spy"):
        (tmp_path / f"{name}.py").write_text("import os\nos.mkdir('canary')\nraise SystemExit(77)\n")
    return tmp_path


def read_jobs(place: Path, name: str = "charrnn") -> list[dict[str, Any]]:
    (plan,) = place.glob(f"outputs/{name}/*/*/sweep.json")
    jobs: list[dict[str, Any]] = json.loads(plan.read_text())["jobs"]
    return jobs


def read_weights(place: Path, name: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted(place.glob(f"outputs/{name}/*/*/*/checkpoints/*1500/weights.npz"))]


@pytest.mark.alone
def test_a_ray_of_the_sweeps_own_listens_on_loopback_and_ends_with_it(place: Path) -> None:
    process = start(place, *SMALL, *LONG, "-m", "hydra/launcher=ray", "seed=1,2")
    wait_for_checkpoints(place, 2)
    family = psutil.Process(process.pid).children(recursive=True)
    connections = [each for one in [psutil.Process(process.pid), *family] for each in one.net_connections("inet")]
    heard = {each.laddr.ip for each in connections if each.status == psutil.CONN_LISTEN}
    assert heard <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}
    assert len(heard) >= 1
    process.kill()
    process.communicate(timeout=60)
    assert find_alive(family, GONE_AFTER_SECONDS) == []
    # The same command goes on, and Ctrl-C stops it with checkpoints.
    process = start(place, *SMALL, *LONG, "-m", "hydra/launcher=ray", "seed=1,2")
    assert process.stdout is not None
    for line in process.stdout:
        assert "3 jobs" not in line
        if "go on from their checkpoints" in line:
            break
    time.sleep(1)
    until = time.monotonic() + 200
    while any(json.loads(path.read_text())["num_sessions"] < 2 for path in place.glob("outputs/*/*/*/*/summary.json")):
        assert time.monotonic() < until, "the jobs did not go on"
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    code, _, err = end(process)
    assert (code, "stopped with 0 of 2 jobs done" in err) == (130, True)
    assert [job["state"] for job in read_jobs(place)] == ["stopped", "stopped"]
    statuses = [json.loads(path.read_text())["status"] for path in place.glob("outputs/*/*/*/*/summary.json")]
    assert statuses == ["KILLED", "KILLED"]
    assert not (place / "canary").exists()


@pytest.mark.timeout(900)  # 8 runs, and beside other tests each takes twice its time
def test_a_node_that_is_killed_takes_no_job_with_it_and_no_weight_changes(place: Path, tmp_path: Path) -> None:
    words = [*SMALL, *JOBS, "training.threads=1", "sweep.rerun=true", "-m"]
    assert end(start(place, *words, "name=local"))[0] == 0
    with RayCluster(tmp_path, (1, 1)) as cluster:
        process = start(
            place, *words, "name=ray", "hydra/launcher=ray", f"hydra.launcher.address={cluster.address}",
            environment=cluster.environment,
        )  # fmt: skip
        wait_for_checkpoints(place, 4 + 2)
        kill_tree(cluster.nodes[1])
        code, out, err = end(process)
    assert (code, err) == (0, "")
    jobs = read_jobs(place, "ray")
    assert [job["state"] for job in jobs] == ["done"] * 4
    # One core, one job: but until Ray misses its heartbeats, for 15 s, it may hand the dead node another.
    lost = [attempt for job in jobs for attempt in job["attempts"][:-1]]
    assert lost != []
    assert all(attempt["reason"].startswith("its node was lost") for attempt in lost), lost
    assert out.count("runs again: its node was lost") == len(lost)
    local, ray = (read_weights(place, name) for name in ("local", "ray"))
    assert len(ray) == 4
    assert local == ray
    assert not (place / "canary").exists()


NODE = """
import json, sys
import charrnn_exp
from charrnn_exp.sweeps.cluster.ray_node import Runner

for event in Runner("/elsewhere", charrnn_exp.__version__).run(sys.stdin.readline()):
    print(json.dumps(event), flush=True)
"""
"""A node that does not see the folder of the sweep; what Ray would carry goes through its streams."""


def start_node(request: Request) -> "subprocess.Popen[str]":
    process = subprocess.Popen([sys.executable, "-c", NODE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    process.stdin.write(request.to_line())
    process.stdin.flush()
    return process


def read_until(process: "subprocess.Popen[str]", name: str) -> dict[str, Any]:
    assert process.stdout is not None
    for line in process.stdout:
        event: dict[str, Any] = json.loads(line)
        if event["event"] == name:
            return event
    raise AssertionError(f"no event {name!r}")


def test_a_job_goes_on_from_the_tracking_server_where_no_folder_is_shared(place: Path, tmp_path: Path) -> None:
    for path in place.glob("*.py"):
        path.unlink()
    small = [word for word in SMALL if not word.startswith(("tracking", "dataset.path"))]
    words = [*small, f"dataset.path={place / 'text.txt'}", "training.threads=1", *SENT]
    assert end(start(place, *words, "tracking=none"))[0] == 0
    with serve(tmp_path / "server") as server:
        (config,) = compose_jobs([*words, "tracking=server", f"tracking.uri={server.uri}"])
        label = "outputs/charrnn/2026-01-02/03-04-05-000006"
        request = Request(
            job=0, settings=to_values(config), folder=f"{label}/0", hash="ab", is_resumed=False,
            log=f"{label}/job_0.log", name="a", sweep=None,
        )  # fmt: skip
        process = start_node(request)
        run_id = read_until(process, "tracked")["run_id"]
        client = MlflowClient(tracking_uri=server.uri)
        until = time.monotonic() + 200
        while not (sent := client.list_artifacts(run_id, "checkpoints")):
            assert time.monotonic() < until, "no checkpoint was sent while the run went on"
            time.sleep(0.2)
        assert max(each.path for each in sent) < "checkpoints/step_0000015000"
        kill_tree(psutil.Process(process.pid))
        process.communicate()
        process = start_node(replace(request, run_id=run_id))
        assert read_until(process, "tracked")["run_id"] == run_id
        assert read_until(process, "ended")["code"] == 0
        process.communicate()
        folder = RunFolder(tmp_path / "fetched" / "0")
        assert fetch_into(folder, config.tracking, run_id, is_complete=True)
        experiments = [each.experiment_id for each in client.search_experiments()]
        (run,) = client.search_runs(experiments)
        assert (run.info.run_id, run.info.status) == (run_id, "FINISHED")
    assert folder.read_summary().num_sessions == 2
    (alone,) = place.glob("outputs/charrnn/*/*/checkpoints/step_0000015000/weights.npz")
    assert (folder.checkpoints / "step_0000015000" / "weights.npz").read_bytes() == alone.read_bytes()
