"""Real training, killed or asked to stop by a signal at a random moment, goes on to the end it would have had."""

import random
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from charrnn_exp.run_folder.folder import RunFolder
from stress.mlflow_rows import find_mlflow_problems
from stress.outcome import Outcome
from stress.processes import MOVING, find_differences, find_duplicates, find_folder, finish, in_pairs, run, start

WORDS = (
    *(word for word in MOVING if not word.startswith(("dataset.max_bytes", "training.validate", "training.early"))),
    "dataset.max_bytes=27000",
    "training.validate_every_steps=100",
    "training.checkpoint_every_steps=50",
    "training.checkpoint_every_epochs=1",
)
"""Two epochs of three hundred updates, with a checkpoint every fifty."""
MAX_PARTS = 20
SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""Of every third case; the others are a closed terminal (SIGHUP) and a reader that goes away (SIGPIPE)."""
SECONDS_TO_STOP = 10.0


@dataclass(frozen=True)
class Whole:
    """The run that nobody disturbs.

    Args:
        folder: of the run.
        seconds: from the start of its process to its end.
    """

    folder: RunFolder
    seconds: float


def kill(num_cases: int, folder: Path) -> Outcome:
    """`kill -9` at a moment spread evenly over the whole life of the process; then `resume`, or the same again.

    Every third part that goes on is killed too. All runs share one MLflow store, two at a time.
    """
    return _disturb(num_cases, folder, _kill_and_resume)


def ask_to_stop(num_cases: int, folder: Path) -> Outcome:
    """SIGINT or SIGTERM, SIGHUP, and a closed pipe in turn, at such a moment; then `resume`, or the same again where
    there was no run yet."""
    return _disturb(num_cases, folder, _stop_and_resume)


def _disturb(num_cases: int, folder: Path, disturb: Callable[[Path, Whole, Outcome, int], list[str]]) -> Outcome:
    whole = _run_whole(folder)
    outcome = Outcome(figures={"seconds of the run": round(whole.seconds, 1)})
    for case, problems in enumerate(in_pairs(partial(disturb, folder, whole, outcome), range(num_cases))):
        outcome.add(problems, f"case {case}")
    return outcome


def _run_whole(folder: Path) -> Whole:
    """Make the run once to fill the caches of the machine, then two side by side, as all the others run, timed."""

    def make(name: str) -> float:
        there = folder / name
        there.mkdir()
        before = time.monotonic()
        ended = run([*WORDS, "name=whole", "tracking.experiment_name=stress"], there)
        assert ended.returncode == 0, ended.stderr
        return time.monotonic() - before

    make("first")
    seconds = in_pairs(make, ["whole", "other"])
    return Whole(find_folder(folder / "whole"), max(seconds))


def _kill_and_resume(folder: Path, whole: Whole, outcome: Outcome, case: int) -> list[str]:
    rng = random.Random(case)
    # One store for all; the folder of a run is found by its name.
    name, problems = f"kill{case}", list[str]()
    for part in range(MAX_PARTS):
        process = start(_words_to_go_on(folder, name), folder)
        if part == 0 or rng.random() < 1 / 3:
            time.sleep(rng.random() * whole.seconds * 0.95)
            process.kill()
        _, err = finish(process)
        if process.returncode == 0 and part == 0:  # it had ended before the kill: another moment, another run
            return _kill_and_resume(folder, whole, outcome, case + 1_000)
        if process.returncode == 0:
            problems += [f"said {err[-300:]}"] if err else []
            break
        outcome.count(_name_moment(folder, name, whole))
        if process.returncode != -signal.SIGKILL:
            problems.append(f"exit code {process.returncode}: {err[-300:]}")
            break
        run_folder = _find_run(folder, name)
        if run_folder is not None:
            problems += find_duplicates(run_folder)
    return problems or _find_end_problems(folder, name, whole)


def _stop_and_resume(folder: Path, whole: Whole, outcome: Outcome, case: int) -> list[str]:
    rng = random.Random(1000 + case)
    name, problems = f"stop{case}", list[str]()
    process = start(_words_to_go_on(folder, name), folder)
    time.sleep(rng.random() * whole.seconds)
    number = (rng.choice(SIGNALS), signal.SIGHUP, signal.SIGPIPE)[case % 3]
    before = time.monotonic()
    if number == signal.SIGPIPE:
        assert process.stdout is not None
        process.stdout.close()
    else:
        process.send_signal(number)
    _, err = finish(process, seconds=60)
    seconds = time.monotonic() - before
    run_folder = _find_run(folder, name)
    status = run_folder.read_summary().status if run_folder is not None else None
    outcome.figures["slowest stop, s"] = max(outcome.figures.get("slowest stop, s", 0), round(seconds, 1))
    if seconds > SECONDS_TO_STOP:
        problems.append(f"took {seconds:.1f} s to stop")
    match process.returncode:
        case 0:
            outcome.count("too late to matter")
            problems += [] if status == "FINISHED" and not err else [f"exit code 0, status {status}, said {err[-300:]}"]
        case code if code == 128 + number:
            outcome.count(_name_moment(folder, name, whole))
            # The reader may have gone away during the last lines, or before there was a run to tell of.
            is_late = number == signal.SIGPIPE and status == "FINISHED"
            problems += [] if is_late or status in ("KILLED", None) else [f"status {status}"]
            told = len(err.splitlines()) == 1 or (number == signal.SIGPIPE and not err and status is None)
            problems += [] if told else [f"said {err[-300:]}"]
            outcome.count(f"by {signal.Signals(number).name}")
        case code if code == -number and run_folder is None:
            outcome.count("before the program was there")
        case code:
            problems.append(f"exit code {code} after signal {number}: {err[-300:]}")
    if process.returncode != 0 and status != "FINISHED":
        ended = run(_words_to_go_on(folder, name), folder)
        if ended.returncode or ended.stderr:
            problems.append(f"resumed: exit code {ended.returncode}: {ended.stderr[-300:]}")
    return problems or _find_end_problems(folder, name, whole)


def _words_to_go_on(folder: Path, name: str) -> list[str]:
    """Return `resume` where there is a run to resume, else the words that start it."""
    run_folder = _find_run(folder, name)
    if run_folder is None:
        return [*WORDS, f"name={name}", "tracking.experiment_name=stress"]
    return ["resume", f"run={run_folder.path}"]


def _find_run(folder: Path, name: str) -> RunFolder | None:
    found = sorted((folder / "outputs" / name).glob("*/*/config.yaml"))
    return RunFolder(found[0].parent) if found else None


def _find_end_problems(folder: Path, name: str, whole: Whole) -> list[str]:
    run_folder = _find_run(folder, name)
    if run_folder is None:
        return ["there is no run"]
    others = [path for path in (folder / "outputs" / name).glob("*/*") if path != run_folder.path]
    # A start killed before it wrote its settings leaves a folder with nothing but a lock.
    problems = [f"{path.name} holds {list(path.iterdir())}" for path in others if list(path.glob("[!.]*"))]
    problems += find_differences(run_folder, whole.folder) + find_duplicates(run_folder)
    problems += find_mlflow_problems(f"sqlite:///{folder}/mlruns/mlflow.db", run_folder)
    if not problems:
        shutil.rmtree(run_folder.path)
    return problems


def _name_moment(folder: Path, name: str, whole: Whole) -> str:
    """Return in words how far a run had come."""
    run_folder = _find_run(folder, name)
    if run_folder is None:
        return "before there was a run"
    if not list(run_folder.checkpoints.glob("step_*")):
        return "before the first checkpoint"
    last = run_folder.path / str(whole.folder.read_summary().checkpoint)
    return "after the last checkpoint" if last.exists() else "between checkpoints"
