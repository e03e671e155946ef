"""Saves that are killed, and saves whose every call of the operating system fails in turn."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from charrnn_exp.errors import MachineError
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from stress.outcome import Outcome
from stress.saver import make_arrays, open_store, save_many

CALLS = (
    "mkdir,openat,read,write,fsync,close,rename,renameat,unlink,unlinkat,rmdir,"
    "getdents64,newfstatat,fstat,ftruncate,lseek"
)
"""The calls by which a file system is reached; memory, clocks and threads are other matters."""
WAYS = ("ENOSPC", "EIO", "EACCES", "EDQUOT", "SIGKILL")


def kill_saves(num_cases: int, folder: Path) -> Outcome:
    """Kill a process within a save, again and again, on one folder; each next process goes on from what is there.

    A kill counts where the save had begun and had not been reported done. Moments are spread over the time of a save.
    """
    outcome = Outcome(figures={"saves done": 0, "newest was the one being saved": 0})
    store, rng = open_store(folder), random.Random(1)
    longest = 0.05
    acknowledged = 0
    while outcome.tried < num_cases:
        begun, done, seconds = _save_and_kill(folder, after=rng.randrange(3), delay=rng.random() * longest)
        acknowledged = max(acknowledged, done)
        outcome.figures["saves done"] = acknowledged
        longest = 0.9 * longest + 0.1 * 1.2 * seconds if seconds else longest
        if begun == done:  # between two saves
            continue
        outcome.add(find_problems(store, at_least=acknowledged), f"kill in the save of step {begun}")
        outcome.figures["newest was the one being saved"] += _newest_step(store) == begun
    return outcome


def fail_calls(num_cases: int, folder: Path) -> Outcome:
    """Fail each call of the operating system that a save makes, in each of the five ways (strace does it).

    Args:
        num_cases: calls; a save makes fewer than the long form allows for, and then all are failed. The number
            of a call may shift by one from run to run; where the fault fell outside the save, that is counted apart.
    """
    base = folder / "base"
    save_all(base, 11)
    calls = list(_list_calls(_trace(folder, base, [])[1]))
    outcome = Outcome(figures={"calls": len(calls), "exit 3": 0, "killed": 0, "harmless, exit 0": 0})
    if problem := check_order([name for name, _ in calls]):
        outcome.add([problem], "order of calls")
    for name, number in calls[:: max(1, len(calls) // num_cases)]:
        for way in WAYS:
            fault = "signal=SIGKILL" if way == "SIGKILL" else f"error={way}"
            code, report, err = _trace(folder, base, ["-e", f"inject={name}:{fault}:when={number}"])
            fault_at = max(report.find("(INJECTED)"), report.find("killed by SIGKILL"))
            if fault_at < 0 or '"begin 12' not in report[:fault_at]:
                outcome.count("the fault did not fall into the save")
                continue
            problems = find_problems(open_store(folder / "run"), at_least=12 if code == 0 else 11)
            if way == "SIGKILL":
                problems += [] if code == -signal.SIGKILL else [f"exit code {code}"]
            elif code not in (0, MachineError.exit_code):
                problems.append(f"exit code {code}: {err}")
            elif code and (len(err.splitlines()) != 1 or "cannot write checkpoint " not in err):
                problems.append(f"said {err!r}")
            outcome.count({0: "harmless, exit 0", MachineError.exit_code: "exit 3"}.get(code, "killed"))
            outcome.add(problems, f"{name} number {number} with {way}")
    return outcome


def check_order(calls: list[str]) -> str | None:
    """Return what is wrong if a file or its name could reach the disk after the name that makes it count."""
    order = [name for name in calls if name in ("write", "fsync", "rename")]
    first_rename = order.index("rename")
    # Three files, each written and synced, then their folder; after the rename, the folder of the checkpoints.
    before = Counter(order[:first_rename])
    if before["fsync"] != 4 or order[first_rename - 1] != "fsync" or order[first_rename + 1] != "fsync":
        return f"syncs must frame the rename, got {order}"
    return None


def find_problems(store: CheckpointStore, *, at_least: int) -> list[str]:
    """Return what is wrong with the newest checkpoint that is whole: too old, or not the arrays of its step."""
    try:
        checkpoint, weights, training, warnings = store.load_newest()
    except MachineError as error:
        return [str(error)] if at_least or store.find_all() else []
    problems = [f"passed over: {line}" for line in warnings]
    if checkpoint.step < at_least:
        problems.append(f"newest is of step {checkpoint.step}, step {at_least} was acknowledged")
    for found, expected in zip((weights, training), make_arrays(checkpoint.step), strict=True):
        if found.keys() != expected.keys() or any(not np.array_equal(found[key], expected[key]) for key in expected):
            problems.append(f"arrays of step {checkpoint.step} are not those that were saved")
    there = {each.step for each in store.find_all()}
    # Every seventh is kept and every fifth the best so far; the one that was being saved may count already or not yet.
    problems += [f"kept step {step} is gone" for step in range(7, at_least + 1, 7) if step not in there]
    best = store.best_step()
    if at_least >= 5 and (best not in there or best not in (at_least // 5 * 5, (at_least + 1) // 5 * 5)):
        problems.append(f"the best is of step {best}, there are {sorted(there)[-5:]}, {at_least} was acknowledged")
    if best is not None and not (store.folder / "best.json").exists() and at_least > best:
        problems.append("there is no best.json")
    return problems


def save_all(folder: Path, num_saves: int) -> None:
    """Save steps in this process."""
    with open(os.devnull, "w") as nowhere:
        save_many(folder, num_saves, nowhere.fileno())


def _save_and_kill(folder: Path, *, after: int, delay: float) -> tuple[int, int, float]:
    """Kill a saver in the save that follows `after` whole ones.

    Returns:
        the steps of the last save begun and of the last one done (0: none), and the seconds of a whole save (0: none).
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            save_many(folder, 1_000_000, writing)
        finally:
            os._exit(70)  # whatever ended the saving before the kill
    os.close(writing)
    with os.fdopen(reading) as report:
        seen: list[str] = []
        times: list[float] = []
        while sum(line.startswith("begin") for line in seen) <= after:
            line = report.readline()
            if not line:
                break
            seen.append(line)
            times.append(time.monotonic())
        time.sleep(delay)
        os.kill(child, signal.SIGKILL)
        seen += report.readlines()
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the saver ended by itself"
    steps = {word: [int(line.split()[1]) for line in seen if line.startswith(word)] for word in ("begin", "done")}
    seconds = times[1] - times[0] if len(times) > 1 else 0.0
    return steps["begin"][-1], max(steps["done"], default=steps["begin"][0] - 1), seconds


def _newest_step(store: CheckpointStore) -> int:
    return max((checkpoint.step for checkpoint in store.find_all()), default=0)


def _trace(folder: Path, base: Path, options: list[str]) -> tuple[int, str, str]:
    """Save once more on a copy of `base` under strace, which looks on from the first call of the save.

    Returns:
        the saver's exit code, strace's report, what the saver wrote to standard error.
    """
    run, report = folder / "run", folder / "report"
    shutil.rmtree(run, ignore_errors=True)
    shutil.copytree(base, run)
    saver = subprocess.Popen(
        [sys.executable, "-m", "stress.saver", str(run), "1"],
        cwd=Path(__file__).parent.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert saver.stdout is not None
    assert saver.stdout.readline() == b"ready\n"
    command = ["strace", "-p", str(saver.pid), "-o", str(report), "-e", f"trace={CALLS}", *options]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert tracer.stderr is not None
    assert "attached" in tracer.stderr.readline()
    _, err = saver.communicate(b"\n", timeout=60)
    tracer.communicate(timeout=60)
    return saver.returncode, report.read_text(), err.decode()


def _list_calls(report: str) -> Iterator[tuple[str, int]]:
    """Yield each call of the save with its number among those of its name since strace looks on."""
    numbers: Counter[str] = Counter()
    inside = False
    for line in report.splitlines():
        match = re.match(r"(\w+)\(", line)
        if not match:
            continue
        name = match[1]
        numbers[name] += 1
        if '"begin ' in line:
            inside = True
        elif '"done ' in line:
            return
        elif inside:
            yield name, numbers[name]
