"""A refusal changes nothing: whatever is refused and why, every file but `.lock` is byte for byte what it was."""

import hashlib
import random
import shutil
from contextlib import ExitStack
from pathlib import Path

from stress.forked import Flight, Landing, fly
from stress.mlflow_server import HOST, answer_all, find_free_port
from stress.outcome import Outcome
from stress.processes import find_folder, run
from stress.reasons import ALL, FIXED, OF_RUN, REFUSALS, STATES, TEXT, WORDS, Scene, show_run
from stress.sandbox import Sandbox

MAX_LINES = 12
"""Of standard error: a line for each setting, checkpoint or encoding that a refusal names."""


def refuse(num_cases: int, folder: Path) -> Outcome:
    """Make random refused calls on copies of runs trained first, one of them tracked in a local store."""
    bases = [train(folder / name, f"tracking={name}") for name in ("none", "local")]
    outcome = Outcome()
    with ExitStack() as stack:
        servers = []
        for status in (401, 403):
            port = find_free_port()
            stack.enter_context(answer_all(status, port))
            servers.append(f"http://{HOST}:{port}")
        cases, boxes, flights = [], [], []
        for case in range(num_cases):
            rng = random.Random(case)
            verb = rng.choice(ALL)
            refusal = rng.choice([each for each in REFUSALS if verb in each.verbs])
            box = Sandbox(folder / f"case_{case}")
            shutil.copytree(rng.choice(bases), box.path)
            scene = Scene(rng, verb, box.work, find_folder(box.work), rng.choice(servers), stack)
            state = rng.choice(list(STATES))
            STATES[state](scene)
            words = refusal.prepare(scene)
            fixed = (f"run={show_run(scene.run)}",) if verb in OF_RUN else ()
            given = [word for word in (*fixed, *FIXED.get(verb, ())) if not _is_given(word, words)]
            flights.append(Flight((verb, *given, *words), box.work, box.environment()))
            cases.append((verb, refusal, state))
            boxes.append(box)
        before = [(box.photograph(), photograph(box.work)) for box in boxes]
        landings = fly(flights)
    for box, found, landing, flight, (verb, refusal, state) in zip(
        boxes, before, landings, flights, cases, strict=True
    ):
        outcome.add(
            find_problems(box, found, landing, refusal.codes),
            f"{verb}, {refusal.name}, {state}: {' '.join(flight.words)}",
        )
        outcome.count(f"exit code {landing.code}")
        shutil.rmtree(box.path)
    outcome.figures["reasons"] = len({(verb, refusal.name) for verb, refusal, _ in cases})
    return outcome


def train(folder: Path, *words: str) -> Path:
    """Return the folder of a box with a finished run in it."""
    box = Sandbox(folder).make()
    (box.work / "text.txt").write_text(TEXT)
    ended = run([*WORDS, *words], box.work, box.environment())
    assert ended.returncode == 0, ended.stderr
    return box.path


def photograph(folder: Path) -> dict[str, str]:
    """Return the hash of each file below a folder but `.lock`, and the folders, by path."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in folder.rglob("*")
        if path.name != ".lock"
    }


def find_problems(
    box: Sandbox, before: tuple[dict[str, str], dict[str, str]], landing: Landing, codes: set[int]
) -> list[str]:
    """Return what is not as it must be after a refusal.

    Args:
        box: of the case.
        before: photographs of the box and of its current folder, runs and their store included.
        landing: how the call ended.
        codes: exit codes that are right.
    """
    problems = box.find_problems(before[0], landing, codes)
    was, after = before[1], photograph(box.work)
    if changed := sorted(name for name in {*was, *after} if was.get(name) != after.get(name)):
        problems.append(f"made, changed or took away {changed[:5]}")
    if not 1 <= len(landing.err.splitlines()) <= MAX_LINES:
        problems.append(f"said {len(landing.err.splitlines())} lines")
    return problems


def _is_given(word: str, words: list[str]) -> bool:
    return any(word.partition("=")[0] == each.partition("=")[0] for each in words)
