"""A sweep on a Ray cluster of two nodes, one of which is killed at a random moment: its jobs go on elsewhere."""

import json
import os
import random
import shutil
import time
from pathlib import Path

import psutil

from charrnn_exp.run_folder.folder import RunFolder
from stress.kills import WORDS
from stress.outcome import Outcome
from stress.processes import PATIENCE_SECONDS, find_differences, find_duplicates, finish, run, start
from stress.ray_cluster import RayCluster, kill_tree

SWEEP = (
    "-m",
    *WORDS,
    "seed=range(1,5)",
    "model.num_layers=1,2",
    "training.threads=1",
    "tracking.experiment_name=stress",
)
NUM_JOBS = 8
GONE_AFTER_SECONDS = 5.0
RAYLET = "raylet"
NODE_LOST = "its node was lost"


def kill(num_cases: int, folder: Path) -> Outcome:
    """Kill all processes of the second node, or in every other case Ray's own alone; the sweep must end by itself."""
    before = time.monotonic()
    ended = run([*SWEEP, "name=whole", "sweep.jobs=2"], folder)
    assert ended.returncode == 0, ended.stderr
    outcome = Outcome(figures={"seconds of the sweep": round(time.monotonic() - before, 1)})
    jobs, seconds = _read_jobs(folder, "whole"), time.monotonic() - before
    with RayCluster(folder, (1, 1)) as cluster:
        for case in range(num_cases):
            if len(cluster.nodes) < case + 2:
                cluster.add_node(1)
            outcome.add(_kill_a_node(folder, cluster, jobs, outcome, (case, seconds)), f"case {case}")
    return outcome


def _kill_a_node(
    folder: Path, cluster: RayCluster, whole: dict[str, Path], outcome: Outcome, drawn: tuple[int, float]
) -> list[str]:
    case, seconds = drawn
    name, rng = f"kill{case}", random.Random(case)
    words = [*SWEEP, f"name={name}", "sweep.jobs=2", "sweep.rerun=true", "hydra/launcher=ray"]
    process = start([*words, f"hydra.launcher.address={cluster.address}"], folder, cluster.environment)
    while not _find_logs(folder / "outputs" / name):  # the first job runs
        if process.poll() is not None:
            return [f"ended early: {finish(process)[1][-300:]}"]
        time.sleep(0.1)
    time.sleep(rng.random() * seconds)
    kill_tree(cluster.nodes[-1], "" if case % 2 == 0 else RAYLET)
    _, err = finish(process, seconds=max(PATIENCE_SECONDS, 4 * seconds))
    if process.returncode != 0:
        return [f"exit code {process.returncode}: {err[-300:]}"]
    time.sleep(GONE_AFTER_SECONDS)
    problems = [f"{each} is left" for each in _find_logs(folder / "outputs" / name)]
    (sweep,) = (folder / "outputs" / name).glob("*/*/sweep.json")
    # One core, one job: but until Ray misses the dead node's heartbeats, for 15 s, it may hand it others that wait.
    lost = [attempt for job in json.loads(sweep.read_text())["jobs"] for attempt in job["attempts"][:-1]]
    outcome.count(f"{len(lost)} attempts went on elsewhere")
    problems += [f"lost, but not with its node: {each}" for each in lost if NODE_LOST not in each["reason"]]
    jobs = _read_jobs(folder, name)
    if jobs.keys() != whole.keys():
        return [*problems, f"done are {len(jobs)} jobs of {len(whole)}"]
    for key, path in jobs.items():
        one, other = RunFolder(path), RunFolder(whole[key])
        problems += [f"{key}: {line}" for line in (*find_differences(one, other), *find_duplicates(one))]
    if not problems:
        shutil.rmtree(sweep.parent)
    return problems


def _read_jobs(folder: Path, name: str) -> dict[str, Path]:
    """Return the folder of each job that is done by its name."""
    (sweep,) = (folder / "outputs" / name).glob("*/*/sweep.json")
    jobs = json.loads(sweep.read_text())["jobs"]
    return {job["name"]: sweep.parent / job["folder"] for job in jobs if job["state"] == "done"}


def _find_logs(folder: Path) -> list[psutil.Process]:
    """Return the processes whose output goes to the log of a job below a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            log = Path(os.readlink(f"/proc/{process.pid}/fd/1"))
        except OSError:
            continue
        if log.is_relative_to(folder) and log.match("job_*.log"):
            found.append(process)
    return found
