"""Canaries: code that must not run, and places that must not be written to."""

import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from stress import hostile_runs, hostile_settings
from stress.forked import Flight, Landing, fly
from stress.outcome import Outcome
from stress.processes import find_folder, run
from stress.sandbox import Sandbox

T = TypeVar("T")
RUN = "outputs/charrnn/2026-01-01/00-00-00-000001"


def settings(num_cases: int, folder: Path) -> Outcome:
    """Start with hostile words and YAML files, spread evenly over all that are known."""
    cases = spread(hostile_settings.list_cases(), num_cases)
    boxes = [Sandbox(folder / f"case_{i}").make() for i in range(len(cases))]
    for case, box in zip(cases, boxes, strict=True):
        box.plant(case.files)
    words = [tuple(box.fill_in(word) for word in case.words) for case, box in zip(cases, boxes, strict=True)]

    tags = {box: case.tag for box, case in zip(boxes, cases, strict=True)}

    def find_more(box: Sandbox, landing: Landing) -> list[str]:
        if landing.code == 0 and (tag := tags[box]) is not None:
            found = find_folder(box.work).read_values()["tracking"]["tags"]["x"]
            return [] if found == box.fill_in(tag) else [f"the tag is {found!r}"]
        made = any((box.work / name).exists() for name in ("outputs", "mlruns"))
        return ["refused, and yet made folders"] if landing.code == 2 and made else []

    return _fly(boxes, words, [(case.name, set(case.codes)) for case in cases], find_more)


def runs(num_cases: int, folder: Path) -> Outcome:
    """Let the verbs work on copies of a run that somebody has changed, spread evenly over all that are known."""
    cases = spread(hostile_runs.list_cases(), num_cases)
    whole = train_once(folder / "whole")
    boxes = [Sandbox(folder / f"case_{i}").make() for i in range(len(cases))]
    for case, box in zip(cases, boxes, strict=True):
        shutil.copytree(whole, box.work / RUN)
        case.spoil(box.work / RUN, box.nest)
    return _fly(boxes, [case.words for case in cases], [(case.name, case.codes) for case in cases])


def train_once(folder: Path) -> Path:
    """Return a finished run with one checkpoint, tracked but for its end."""
    box = Sandbox(folder).make()
    ended = run(
        [*hostile_runs.SMALL, "training.keep_checkpoints=1", "training.checkpoint_every_epochs=1000"],
        box.work,
        box.environment(),
    )
    assert ended.returncode == 0, ended.stderr
    return find_folder(box.work).path


def _fly(
    boxes: Sequence[Sandbox],
    words: Iterable[tuple[str, ...]],
    cases: Iterable[tuple[str, set[int]]],
    find_more: Callable[[Sandbox, Landing], list[str]] = lambda box, landing: [],
) -> Outcome:
    """Run the program in every box, and compare each box with what it was."""
    outcome = Outcome()
    before = [box.photograph() for box in boxes]
    landings = fly([Flight(w, box.work, box.environment()) for w, box in zip(words, boxes, strict=True)])
    for box, photograph, landing, (name, codes) in zip(boxes, before, landings, cases, strict=True):
        outcome.add([*box.find_problems(photograph, landing, codes), *find_more(box, landing)], name)
        shutil.rmtree(box.path, ignore_errors=True)
    outcome.figures["slowest, seconds"] = round(max(landing.seconds for landing in landings), 1)
    outcome.figures["most memory, MB"] = round(max(landing.megabytes for landing in landings))
    return outcome


def spread(cases: list[T], num_cases: int) -> list[T]:
    """Return so many of the cases, from all parts of the list; all, where more are asked for."""
    if num_cases >= len(cases):
        return cases
    return [cases[i * len(cases) // num_cases] for i in range(num_cases)]
