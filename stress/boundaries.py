"""A run that went on in a new process after step k, for every k, is the run that was never stopped."""

import json
import shutil
from functools import partial
from pathlib import Path

from charrnn_exp.run_folder.checkpoint import TRAINING, Checkpoint
from charrnn_exp.run_folder.folder import RunFolder
from stress.outcome import Outcome
from stress.processes import MOVING, find_differences, find_folder, in_pairs, run

WORDS = (*MOVING, "training.checkpoint_every_steps=1", "training.keep_checkpoints=1000", "tracking=none")


def check(num_cases: int, folder: Path, *, precision: str) -> Outcome:
    """Resume after `num_cases` of the steps, from none on, spread evenly, each in a folder that knows no later step.

    The whole run keeps a checkpoint of each step; a copy of its folder loses those after step k, and the rows of
    metrics.jsonl after k, as if the process had been killed right after the checkpoint was taken.
    """
    whole = folder / "whole"
    whole.mkdir()
    ended = run([*WORDS, f"training.precision={precision}"], whole)
    assert ended.returncode == 0, ended.stderr
    last = find_folder(whole).read_summary().step
    assert last >= num_cases, f"the run has {last} steps"
    patience = _read_progress(find_folder(whole), last)["validations_since_best"]
    steps = [round(i * (last - 1) / max(1, num_cases - 1)) for i in range(num_cases)]
    outcome = Outcome(figures={"steps of the run": last, "validations since the best, at its end": patience})
    resume = partial(_resume_after, whole, frozenset(ended.stderr.splitlines()))
    for step, problems in zip(steps, in_pairs(resume, steps), strict=True):
        outcome.add(problems, f"after step {step}")
    return outcome


def float32(num_cases: int, folder: Path) -> Outcome:
    """In 32 bits."""
    return check(num_cases, folder, precision="float32")


def bfloat16(num_cases: int, folder: Path) -> Outcome:
    """With products in 16 bits."""
    return check(num_cases, folder, precision="bfloat16")


def _resume_after(whole: Path, known: frozenset[str], step: int) -> list[str]:
    """Resume a copy of the whole run after a step; return what was wrong, such as a warning that is not known of it."""
    there = whole.with_name(f"after_{step}")
    shutil.copytree(whole, there)
    copied = find_folder(there)
    for path in copied.checkpoints.glob("step_*"):
        if int(path.name.removeprefix("step_")) > step:
            shutil.rmtree(path)
    if step and (best := _read_progress(copied, step)["best_step"]):
        (copied.checkpoints / "best.json").write_text(json.dumps({"step": best}) + "\n")
    else:
        (copied.checkpoints / "best.json").unlink()
    rows = [row for row in copied.metrics.read_text().splitlines() if json.loads(row)["step"] <= step]
    copied.metrics.write_text("".join(row + "\n" for row in rows))
    for path in (copied.summary, *copied.samples.glob("step_*")):
        path.unlink()
    ended = run(["resume", f"run={copied.path}"], there)
    is_right = ended.returncode == 0 and known.issuperset(ended.stderr.splitlines())
    problems = [] if is_right else [f"exit code {ended.returncode}: {ended.stderr[-300:]}"]
    if (f"resuming after step {step} " if step else "starting at step 0") not in ended.stdout:
        problems.append("did not resume after that step")
    problems = problems or find_differences(copied, find_folder(whole))
    shutil.rmtree(there)
    return problems


def _read_progress(run_folder: RunFolder, step: int) -> dict[str, float]:
    arrays = Checkpoint(run_folder.checkpoints / f"step_{step:010d}").read(TRAINING)
    return {name.removeprefix("progress."): a.item() for name, a in arrays.items() if name.startswith("progress.")}
