"""Fuzzing: cases by number, done in two processes that live on, every fiftieth in a process of its own."""

import json
import os
import re
import select
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import yaml

from charrnn_exp.streams import escape_line
from stress.outcome import Outcome

SEED = 1
LIMIT_SECONDS = 120
"""Longer than any case takes on a busy machine: one that is not done by then hangs."""
LIMIT_MEGABYTES = 2000
"""A process that lives on is replaced when it has grown to this: XLA keeps what it compiled for each vocabulary."""
PROCESS_EVERY = 50
SHOWN = 300


@dataclass(frozen=True)
class Answer:
    """What the program did.

    Args:
        code: exit code; None: it hung or died.
        out: of standard output.
        err: of standard error.
    """

    code: int | None
    out: str
    err: str


@dataclass
class Case:
    """A command line and what must come of it.

    Args:
        words: the command line.
        code: the right exit code.
        why: what is wrong with it, or that nothing is.
        stdin: what standard input holds.
        check: from the answer and the folder to what is wrong; asked of a success.
    """

    words: list[str]
    code: int
    why: str
    stdin: bytes | None = None
    check: Callable[[Answer, Path], list[str]] = field(default=lambda answer, folder: [])


MakeCase = Callable[[Random, Path], Case]
"""From a generator of random numbers and the case's own empty folder, which it may fill, to the case."""


def fuzz(make_case: MakeCase, num_cases: int, folder: Path, *, name: str, seed: int = SEED) -> Outcome:
    """Do all cases; case i depends on the seed and i only."""
    outcome = Outcome(figures={"processes of their own": 0})
    with ThreadPoolExecutor(2) as pool:
        halves = [range(half, num_cases, 2) for half in (0, 1)]
        results = pool.map(lambda half: _do_half(make_case, half, folder, name, seed), halves)
        found = sorted((each for half in results for each in half), key=lambda each: each[0])
    for i, case, problems, is_process in found:
        how = " as a process" if is_process else ""
        outcome.add(problems, f"{name} case {i} of seed {seed}{how} ({case.why}) {ascii(case.words)[:SHOWN]}")
        outcome.count(f"exit code {case.code}")
        outcome.count("processes of their own", is_process)
    return outcome


def _do_half(
    make_case: MakeCase, half: range, folder: Path, name: str, seed: int
) -> list[tuple[int, Case, list[str], bool]]:
    done = []
    with _Child(folder / f"{name}_{half.start}.log") as child:
        for i in half:
            there = folder / f"{name}_{half.start}"
            there.mkdir()
            case = make_case(Random(f"{seed} {i}"), there)
            is_process = i // 2 % PROCESS_EVERY == 0  # of each half every fiftieth
            problems = judge(case, there, _start_process if is_process else child.ask)
            done.append((i, case, problems, is_process))
            shutil.rmtree(there)
    return done


def judge(case: Case, folder: Path, ask: Callable[[Case, Path], Answer]) -> list[str]:
    """Return what is wrong with what the program makes of the case."""
    before = _list_files(folder)
    answer = ask(case, folder)
    problems = []
    if answer.code != case.code:
        problems.append(f"exit code {answer.code}, not {case.code}: {answer.err[-SHOWN:]!r}")
    if "Traceback" in answer.out + answer.err or "bug:" in answer.err:
        problems.append("a traceback or a bug")
    forms = ("charrnn_exp: error: ",) if answer.code else ("charrnn_exp: warning: ", "charrnn_exp: note: ")
    lines = answer.err.split("\n")[:-1] if answer.err.endswith("\n") else answer.err.split("\n")
    lines = [] if not answer.err else lines
    if not all(line.startswith(forms) and escape_line(line) == line for line in lines):
        problems.append(f"standard error is {answer.err[:SHOWN]!r}")
    if answer.code and not lines:
        problems.append("failed without a word")
    if answer.code and not re.fullmatch(r"(reading .*\n)?", answer.out):
        problems.append(f"failed, and wrote {answer.out[:SHOWN]!r}")
    if case.code == 2 and _list_files(folder) != before:
        problems.append(f"left {sorted(_list_files(folder).items() - before.items())[:3]}")
    try:
        return problems or ([] if case.code else case.check(answer, folder))
    except (ValueError, KeyError, yaml.YAMLError) as error:
        return [f"the output has not the form it must have: {type(error).__name__}: {error}; {answer.out[:SHOWN]!r}"]


def repeat(make_case: MakeCase) -> None:
    """Do the cases whose numbers are on the command line, each in a process of its own, and show them."""
    for i in map(int, sys.argv[1:]):
        with tempfile.TemporaryDirectory() as folder:
            there = Path(folder).resolve()
            case = make_case(Random(f"{SEED} {i}"), there)
            print(i, case.why, ascii(case.words), judge(case, there, _start_process) or "right")


class _Child:
    """A process that calls the program for one case after the other, and another one when it hangs, dies or grows."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> "_Child":
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def ask(self, case: Case, folder: Path) -> Answer:
        """Return what the program does."""
        process = self._process = self._process or self._start()
        assert process.stdin
        assert process.stdout
        stdin = _write_stdin(case, folder)
        print(json.dumps({"words": case.words, "folder": str(folder), "stdin": stdin}), file=process.stdin, flush=True)
        ready, _, _ = select.select([process.stdout], [], [], LIMIT_SECONDS)
        line = process.stdout.readline() if ready else ""
        if not line:
            self._end()
            return Answer(None, "", f"hung or died: {self._log.read_text(errors='replace')[-SHOWN:]}\n")
        answer = json.loads(line)
        if answer["megabytes"] > LIMIT_MEGABYTES:
            self._end()
        return Answer(answer["code"], answer["out"], answer["err"])

    def _start(self) -> "subprocess.Popen[str]":
        with self._log.open("w") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "stress.inside"],
                cwd=Path(__file__).parent.parent,
                env=_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def _end(self) -> None:
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _start_process(case: Case, folder: Path) -> Answer:
    with open(_write_stdin(case, folder) or os.devnull, "rb") as stdin:
        try:
            ended = subprocess.run(
                [sys.executable, "-m", "charrnn_exp", *case.words],
                cwd=folder,
                env=_environment(),
                stdin=stdin,
                capture_output=True,
                timeout=LIMIT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Answer(None, "", "hung\n")
    return Answer(ended.returncode, *(text.decode(errors="replace") for text in (ended.stdout, ended.stderr)))


def _write_stdin(case: Case, folder: Path) -> str | None:
    """Write it beside the folder, which the program must leave as it was."""
    if case.stdin is None:
        return None
    path = folder.with_name(folder.name + ".stdin")
    path.write_bytes(case.stdin)
    return str(path)


def _environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "CHARRNN_"))}


def _list_files(folder: Path) -> dict[str, Any]:
    return {str(path): path.lstat().st_size for path in folder.rglob("*")}
