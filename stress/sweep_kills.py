"""A sweep whose own process is killed at a random moment, and the same command again, until it is done."""

import json
import random
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from charrnn_exp.run_folder.folder import RunFolder
from stress.kills import WORDS
from stress.outcome import Outcome
from stress.processes import find_alive, find_differences, find_duplicates, finish, run, start

SWEEP = ("-m", *WORDS, "seed=1,2", "model.num_layers=1,2", "tracking.experiment_name=stress")
GONE_AFTER_SECONDS = 5.0
MAX_KILLS = 3


@dataclass(frozen=True)
class Whole:
    """The sweep that nobody disturbs.

    Args:
        folder: of the sweep.
        seconds: from the start of its process to its end.
    """

    folder: Path
    seconds: float


def kill(num_cases: int, folder: Path) -> Outcome:
    """`kill -9` of the sweep's own process at a moment of its life, up to `MAX_KILLS` times; then the same again."""
    whole = _run_whole(folder)
    outcome = Outcome(figures={"seconds of the sweep": round(whole.seconds, 1)})
    for case in range(num_cases):
        outcome.add(_kill_and_go_on(folder, whole, outcome, case), f"case {case}")
    return outcome


def _run_whole(folder: Path) -> Whole:
    before = time.monotonic()
    ended = run([*SWEEP, "name=whole"], folder)
    assert ended.returncode == 0, ended.stderr
    return Whole(_find_sweep(folder, "whole"), time.monotonic() - before)


def _kill_and_go_on(folder: Path, whole: Whole, outcome: Outcome, case: int) -> list[str]:
    rng = random.Random(case)
    name, problems, done = f"kill{case}", list[str](), dict[Path, str]()
    words = [*SWEEP, f"name={name}", "sweep.rerun=true"]  # the jobs of `whole` are done
    for part in range(MAX_KILLS + 1):
        process = start(words, folder)
        if part == 0 or (part < MAX_KILLS and rng.random() < 1 / 3):
            time.sleep(rng.random() * whole.seconds)
            family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
            process.kill()
            alive = find_alive(family, GONE_AFTER_SECONDS)
            problems += [f"{each} is left after {GONE_AFTER_SECONDS} s" for each in alive]
        _, err = finish(process)
        found = _find_done(folder, name)
        problems += [f"{path.name} ran again" for path, session in done.items() if found.get(path) != session]
        done = found
        if process.returncode == 0:
            break
        outcome.count(f"{len(done)} of 4 jobs done at the kill")
        if process.returncode != -signal.SIGKILL:
            problems.append(f"exit code {process.returncode}: {err[-300:]}")
            break
        sweep = next((folder / "outputs" / name).glob("*/*/sweep.json"), None)
        words = words if sweep is None else ["resume", f"run={sweep.parent}"]
    return problems or _find_end_problems(folder, name, whole)


def _find_done(folder: Path, name: str) -> dict[Path, str]:
    """Return the finished jobs, each with a text that changes when it runs again."""
    found = {}
    for path in (folder / "outputs" / name).glob("*/*/*/summary.json"):
        summary = RunFolder(path.parent).read_summary()
        if summary.status == "FINISHED":
            found[path.parent] = f"{summary.session_began} {summary.num_sessions} {summary.seconds}"
    return found


def _find_end_problems(folder: Path, name: str, whole: Whole) -> list[str]:
    sweep = _find_sweep(folder, name)
    ours, theirs = (_read_jobs(each) for each in (sweep, whole.folder))
    problems = [f"job {key} is {state}" for key, (state, _) in ours.items() if state != "done"]
    if ours.keys() != theirs.keys():
        return [*problems, "the jobs are others"]
    for key in ours:
        one, other = (RunFolder(jobs[key][1]) for jobs in (ours, theirs))
        problems += [f"{key}: {line}" for line in (*find_differences(one, other), *find_duplicates(one))]
    if not problems:
        shutil.rmtree(sweep)
    return problems


def _find_sweep(folder: Path, name: str) -> Path:
    (plan,) = (folder / "outputs" / name).glob("*/*/sweep.json")
    return plan.parent


def _read_jobs(sweep: Path) -> dict[str, tuple[str, Path]]:
    """Return state and folder of each job by its name."""
    jobs = json.loads((sweep / "sweep.json").read_text())["jobs"]
    return {job["name"]: (job["state"], sweep / job["folder"]) for job in jobs}
