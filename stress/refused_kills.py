"""A resumed session that is killed before its first own checkpoint has changed nothing, whatever it was asked for."""

import json
import random
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from charrnn_exp.run_folder.folder import RunFolder
from stress.forked import Flight, fly
from stress.kills import WORDS
from stress.outcome import Outcome
from stress.processes import find_differences, find_folder, run
from stress.refusals import photograph

STEPS = (0, 100, 200, 300, 400, 500)
"""Of the checkpoint that a session goes on from; 0: there is none yet."""
CHANGES = (
    (),
    (),
    ("training.epochs=3",),
    ("optimizer.learning_rate=0.01", "optimizer.schedule=constant"),
    ("training.batch_size=2", "model.dropout=0.4"),
    ("sampling.temperature=0.5", "tracking.backend=local"),
)
MAY_CHANGE = re.compile(r"run\.log|tracking\.json|summary\.json|\.(summary|tracking)\.json\.\d+")
"""The last: half a file under its temporary name."""
MAX_ROUNDS = 20


def kill(num_cases: int, folder: Path) -> Outcome:
    """Resume copies of a run that was cut at a checkpoint, with other settings or the same; kill, look, resume again.

    The kills are spread over the time until the first own checkpoint; one that came after it is tried again, earlier.
    """
    whole = train(folder / "whole")
    seconds = find_seconds_to_checkpoint(whole, folder / "first")
    outcome = Outcome(figures={"seconds to the first own checkpoint": round(seconds, 1)})
    rngs = {case: random.Random(case) for case in range(num_cases)}
    steps = {case: rng.choice(STEPS) for case, rng in rngs.items()}
    words = {case: rng.choice(CHANGES) for case, rng in rngs.items()}
    delays = {case: rng.random() * seconds for case, rng in rngs.items()}
    problems: dict[int, list[str]] = {}
    for _ in range(MAX_ROUNDS):
        waiting = [case for case in rngs if case not in problems]
        if not waiting:
            break
        copies = {case: cut(whole, folder / f"case_{case}", steps[case]) for case in waiting}
        before = {case: _look(copy) for case, copy in copies.items()}
        flights = [_fly_on(copy, words[case], delays[case]) for case, copy in copies.items()]
        for (case, copy), landing in zip(copies.items(), fly(flights, with_tensorflow=True), strict=True):
            if landing.code != 128 + 9:
                problems[case] = [f"ended by itself, exit code {landing.code}: {landing.err[-300:]}"]
            elif has_own_checkpoint(copy, steps[case]):
                delays[case] *= 0.7
                outcome.count("after the first own checkpoint, tried again")
            else:
                problems[case] = list(find_changes(before[case], _look(copy)))
                outcome.count(_name_moment(copy))
    again = [find_folder(folder / f"case_{case}") for case in problems]
    landings = fly([_fly_on(copy, (), None) for copy in again], with_tensorflow=True)
    for (case, found), copy, landing in zip(problems.items(), again, landings, strict=True):
        if landing.code or landing.err:
            found.append(f"resumed again: exit code {landing.code}, said {landing.err[-300:]}")
        else:
            found += find_differences(copy, whole)
        outcome.add(found, f"case {case}, from step {steps[case]}, {delays[case]:.2f} s, {' '.join(words[case])}")
        outcome.count("with other settings" if words[case] else "with the same settings")
    for case in rngs.keys() - problems.keys():
        outcome.add(["no kill came before its first own checkpoint"], f"case {case}")
    return outcome


def train(folder: Path) -> RunFolder:
    """Return a whole run that keeps all checkpoints, one each hundred updates."""
    folder.mkdir()
    words = [word for word in WORDS if not word.startswith("training.checkpoint_every_steps")]
    more = ["tracking=none", "training.checkpoint_every_steps=100", "training.keep_checkpoints=9"]
    ended = run([*words, *more], folder)
    assert ended.returncode == 0, ended.stderr
    return find_folder(folder)


def cut(whole: RunFolder, there: Path, step: int) -> RunFolder:
    """Return a copy of the run as a kill some time after a checkpoint leaves it, with rows of later updates."""
    shutil.rmtree(there, ignore_errors=True)
    below = there / "outputs" / whole.label
    shutil.copytree(whole.path, below)
    copy = RunFolder(below)
    for path in copy.checkpoints.glob("step_*"):
        if int(path.name.removeprefix("step_")) > step:
            shutil.rmtree(path)
    for path in copy.samples.iterdir():  # that of the checkpoint itself too
        if int(path.stem.removeprefix("step_")) >= step:
            path.unlink()
    (copy.checkpoints / "best.json").unlink()
    for path in (*copy.plots.iterdir(), copy.log):
        path.unlink()
    lines = copy.metrics.read_text().splitlines(keepends=True)
    rows = [line for line in lines if json.loads(line)["step"] <= step + 37]
    copy.metrics.write_text("".join(rows) + '{"step": ')
    summary = {"status": "KILLED", "name": "whole", "session_began": 1.5, "num_sessions": 1}
    copy.summary.write_text(json.dumps(summary))
    return copy


def find_seconds_to_checkpoint(whole: RunFolder, folder: Path) -> float:
    """Return the seconds from the start of an undisturbed session to its first own checkpoint."""
    copy = cut(whole, folder, 100)
    (landing,) = fly([_fly_on(copy, (), None)], with_tensorflow=True)
    assert landing.code == 0, landing.err
    ends = copy.log.stat().st_mtime
    first = (copy.checkpoints / "step_0000000200" / "manifest.json").stat().st_mtime
    return landing.seconds - (ends - first)


def has_own_checkpoint(copy: RunFolder, step: int) -> bool:
    """Return whether the session has begun to write one."""
    names = [path.name.removeprefix(".").partition(".")[0] for path in copy.checkpoints.glob("*step_*")]
    return any(int(name.removeprefix("step_")) > step for name in names)


def find_changes(before: dict[str, str], after: dict[str, str]) -> Iterable[str]:
    """Yield a line for each file that a killed session must not have changed."""
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name) and not MAY_CHANGE.fullmatch(name):
            yield f"{name} was made, changed or taken away"


def _look(copy: RunFolder) -> dict[str, str]:
    """Return the hash of each file, and the summary but its status."""
    summary = {key: value for key, value in copy.read_summary().to_json().items() if key != "status"}
    return {**photograph(copy.path), "the summary but its status": json.dumps(summary)}


def _fly_on(copy: RunFolder, words: Iterable[str], killed_after: float | None) -> Flight:
    below = Path(*copy.path.parts[: copy.path.parts.index("outputs")])
    return Flight(("resume", "run=latest", *words), below, {}, killed_after)


def _name_moment(copy: RunFolder) -> str:
    """Return in words how far a session had come."""
    if copy.read_summary().status == "RUNNING":
        return "within the updates"
    return "before the updates" if copy.log.exists() else "before there is a log"
