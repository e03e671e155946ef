"""Runs whose MLflow is away, dies, hangs, answers 500, is locked or full: nothing is lost and nobody waits."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from charrnn_exp.run_folder.folder import RunFolder
from stress.mlflow_rows import find_mlflow_problems
from stress.mlflow_server import MlflowServer, accept_only, answer_all, find_free_port
from stress.outcome import Outcome
from stress.processes import find_folder, find_folders, finish, run, start

WORDS = (
    "dataset=stdlib",
    "dataset.max_bytes=400000",
    "model.hidden_size=128",
    "model.embedding_dim=32",
    "training.batch_size=32",
    "training.sequence_length=50",
    "training.epochs=1000",
    "optimizer.schedule=constant",
    "optimizer.warmup_steps=0",
    "sampling.length=20",
)
NUM_STEPS = 1500
"""More than 20 s of updates on any machine of this decade."""
MAX_START_DELAY_SECONDS = 3.0
MAX_TRACKING_SHARE = 0.01
MAX_REFUSAL_SECONDS = 5.0
LOCK_SECONDS = 60.0


@dataclass
class Case:
    """One run with its outage.

    Args:
        folder: that it runs in.
        num_steps: of the run.
        is_first: of its kind.
        warning: a part of the one line on stderr.
    """

    folder: Path
    num_steps: int = NUM_STEPS
    is_first: bool = True
    warning: str = "warning: tracking failed and is tried again;"
    problems: list[str] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)


Outage = Callable[[Case], None]


def check(num_cases: int, folder: Path, *, names: tuple[str, ...] | None = None, num_steps: int = NUM_STEPS) -> Outcome:
    """Make `num_cases` runs, the kinds of outage by turns, each after a run with tracking=none to compare with.

    A run is right if it ends with 0 and one line on stderr, tracking took at most a hundredth of the updates' time, and
    `repair`, once the store is back, leaves MLflow with every row of metrics.jsonl once and the status FINISHED; and if
    the median over the runs of its kind of the start's delay is at most 3 s (one run alone says nothing). A server that
    refuses is told in a line, with 3, before TensorFlow is imported.
    """
    kinds = names or tuple(OUTAGES)
    cases: list[tuple[str, Case]] = []
    for i in range(num_cases):
        name = kinds[i % len(kinds)]
        case = Case(folder / f"{i}_{name.replace(' ', '_')}", num_steps, is_first=i < len(kinds))
        case.folder.mkdir()
        try:
            OUTAGES[name](case)
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            case.problems.append(f"{type(error).__name__}: {error}")
        cases.append((name, case))
        print(f"    {name}: {case.problems or 'right'} {case.figures}", flush=True)
    delays = {}
    for name in kinds:
        measured = [case.figures["delay"] for kind, case in cases if kind == name and "delay" in case.figures]
        if measured:
            delays[name] = round(median(measured), 2)
    outcome = Outcome(figures={f"start delayed by, {name}": f"{delay} s" for name, delay in delays.items()})
    for name, case in cases:
        if num_cases > len(kinds) and delays.get(name, 0.0) > MAX_START_DELAY_SECONDS:
            case.problems.append(f"the start is delayed by {delays[name]} s")
        outcome.add(case.problems, name)
    for figure, words in FIGURES.items():
        if values := [case.figures[figure] for _, case in cases if figure in case.figures]:
            outcome.figures[words] = f"{max(values):.4g}"
    return outcome


FIGURES = {
    "share": "largest share of tracking in the updates' time",
    "end": "longest end, s",
    "slower": "largest wall clock over that of tracking=none",
    "refusal": "longest refusal, s",
}


def _absent(case: Case) -> None:
    server = _server(case)
    _train_and_repair(case, server.uri, restore=server.start, close=server.close)


def _killed_midway(case: Case) -> None:
    with _running(case) as server:
        _train_and_repair(case, server.uri, midway=lambda: server.signal(signal.SIGKILL), restore=server.start)


def _hung_from_the_start(case: Case) -> None:
    with _running(case) as server:
        server.signal(signal.SIGSTOP)
        _train_and_repair(case, server.uri, restore=lambda: server.signal(signal.SIGCONT))


def _hung_midway(case: Case) -> None:
    with _running(case) as server:
        hang, wake = (lambda: server.signal(signal.SIGSTOP)), (lambda: server.signal(signal.SIGCONT))
        _train_and_repair(case, server.uri, midway=hang, restore=wake)


def _never_answers(case: Case) -> None:
    _replaced(case, accept_only)


def _error_500_from_the_start(case: Case) -> None:
    _replaced(case, lambda port: answer_all(500, port))


def _error_500_midway(case: Case) -> None:
    with ExitStack() as stack, _running(case) as server:

        def fail() -> None:
            server.signal(signal.SIGKILL)
            stack.enter_context(answer_all(500, _port(server)))

        def restore() -> None:
            stack.close()
            server.start()

        _train_and_repair(case, server.uri, midway=fail, restore=restore)


def _locked_from_the_start(case: Case) -> None:
    _make_store(case)
    _locked(case, "before")


def _locked_midway(case: Case) -> None:
    _locked(case, "midway")


def _locked(case: Case, when: str) -> None:
    """Lock the database `before` the run or `midway`."""
    with ExitStack() as stack:
        release: list[Callable[[], None]] = []
        lock: Any = {when: lambda: release.append(stack.enter_context(_lock_database(case)))}
        _train_and_repair(case, None, restore=lambda: release[0](), **lock)


def _artifacts_not_writable(case: Case) -> None:
    """A file where the folder of artifacts must be: refused to every user, root included."""
    _make_store(case)
    artifacts = case.folder / "mlruns/artifacts"
    aside = artifacts.rename(artifacts.with_name("aside"))
    artifacts.write_text("")

    def restore() -> None:
        artifacts.unlink()
        aside.rename(artifacts)

    _train_and_repair(case, None, restore=restore)


def _refused_401(case: Case) -> None:
    _refused(case, 401)


def _refused_403(case: Case) -> None:
    _refused(case, 403)


OUTAGES: dict[str, Outage] = {
    "absent": _absent,
    "killed midway": _killed_midway,
    "hung from the start": _hung_from_the_start,
    "hung midway": _hung_midway,
    "never answers": _never_answers,
    "500 from the start": _error_500_from_the_start,
    "500 midway": _error_500_midway,
    "locked from the start": _locked_from_the_start,
    "locked midway": _locked_midway,
    "artifacts not writable": _artifacts_not_writable,
    "refused 401": _refused_401,
    "refused 403": _refused_403,
}


def _train_and_repair(
    case: Case,
    uri: str | None,
    *,
    before: Callable[[], None] = lambda: None,
    midway: Callable[[], None] | None = None,
    restore: Callable[[], None],
    close: Callable[[], None] = lambda: None,
) -> None:
    """Train through the outage, take it away, repair, compare; `uri` None is tracking=local."""
    tracking = ["tracking=local"] if uri is None else ["tracking=server", f"tracking.uri={uri}"]
    words = [*WORDS, f"training.max_steps={case.num_steps}"]
    plain = case.folder / "plain"
    plain.mkdir()
    # Only the first of a kind is compared as a whole; for the start a few steps do.
    plain_words = [*WORDS, f"training.max_steps={case.num_steps if case.is_first else 3}", "tracking=none"]
    plain_summary = _read_summary(run(plain_words, plain), plain)
    before()
    known = {folder.path for folder in find_folders(case.folder)}
    process = start([*words, *tracking], case.folder)
    # Well before the end: a store that has been silent for less than `SILENT_SECONDS` by then is waited for.
    folder = _await_step(case, process, known, 0 if midway is None else case.num_steps // 3)
    if midway is not None:
        deadline = time.monotonic() + 60
        while folder.read_tracking()["run_id"] is None and time.monotonic() < deadline:
            time.sleep(0.1)
        midway()
    _await_step(case, process, known, case.num_steps)
    out, err = finish(process)
    ended = time.time()
    lines = err.splitlines()
    if process.returncode != 0:
        case.problems.append(f"exit code {process.returncode}")
    if len(lines) != 1 or case.warning not in lines[0]:
        case.problems.append(f"stderr has {len(lines)} lines: {[line[:150] for line in lines]}")
    if "Traceback" in out:
        case.problems.append("a traceback on stdout")
    try:
        if process.returncode == 0:
            _measure(case, folder, plain_summary, ended)
        restore()
        repaired = run(["repair"], case.folder)
        if repaired.returncode or repaired.stderr:
            case.problems.append(f"repair ended with {repaired.returncode}: {repaired.stderr[-300:]}")
        case.problems += find_mlflow_problems(uri or f"sqlite:///{case.folder}/mlruns/mlflow.db", folder)
        case.problems += _find_table_problems(uri, case.folder, folder)
    finally:
        close()


def _measure(case: Case, folder: RunFolder, before: dict[str, Any], ended: float) -> None:
    summary = json.loads(folder.summary.read_text())
    seconds, plain = summary["seconds_by_activity"], before["seconds_by_activity"]
    case.figures = {
        "delay": round(seconds["start"] - plain["start"], 2),
        "share": round(seconds["tracking"] / seconds["updates"], 5),
        # From the last file that training itself writes to the end of the process.
        "end": round(ended - (folder.plots / "loss.png").stat().st_mtime, 2),
        "updates": seconds["updates"],
    }
    if case.is_first:
        case.figures["slower"] = round(summary["seconds"] / before["seconds"], 3)
    if case.figures["share"] > MAX_TRACKING_SHARE:
        case.problems.append(f"tracking took {case.figures['share']:.2%} of the updates' {seconds['updates']} s")


def _read_summary(ended: "subprocess.CompletedProcess[str]", folder: Path) -> dict[str, Any]:
    assert (ended.returncode, ended.stderr) == (0, "")
    return dict(json.loads(find_folder(folder).summary.read_text()))


def _await_step(case: Case, process: "subprocess.Popen[str]", known: set[Path], step: int) -> RunFolder:
    """Wait until metrics.jsonl has the step, or the process is gone; return the folder of the new run."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        gone = process.poll() is not None
        for folder in (each for each in find_folders(case.folder) if each.path not in known):
            num_done = folder.metrics.read_text().count("train_loss") if folder.metrics.exists() else 0
            if num_done >= step:
                return folder
        assert not gone, process.communicate()
        time.sleep(0.1)
    process.kill()
    raise AssertionError(f"no step {step}: {process.communicate()}")


def _find_table_problems(uri: str | None, below: Path, folder: RunFolder) -> list[str]:
    """Compare the steps in MLflow's table of samples with the files of samples."""
    root = below / "mlruns/artifacts" if uri is None else below / "server/artifacts"
    run_id = json.loads(folder.summary.read_text())["run_id"]
    tables = list(root.glob(f"**/{run_id}/artifacts/samples.json"))
    if len(tables) != 1:
        return [f"MLflow has {len(tables)} tables of samples"]
    table = json.loads(tables[0].read_text())
    steps = [row[table["columns"].index("step")] for row in table["data"]]
    written = sorted(int(path.stem.removeprefix("step_")) for path in folder.samples.glob("step_*.txt"))
    return [] if sorted(steps) == written else [f"the table of samples has steps {steps}, samples/ has {written}"]


def _server(case: Case) -> MlflowServer:
    return MlflowServer(case.folder / "server", find_free_port())


def _port(server: MlflowServer) -> int:
    return int(server.uri.rpartition(":")[2])


@contextmanager
def _running(case: Case) -> Iterator[MlflowServer]:
    server = _server(case)
    server.start()
    try:
        yield server
    finally:
        server.close()


def _replaced(case: Case, stand_in: Callable[[int], Any]) -> None:
    """Put something else on the port until the run has ended."""
    server = _server(case)
    with ExitStack() as stack:
        stack.enter_context(stand_in(_port(server)))

        def restore() -> None:
            stack.close()
            server.start()

        _train_and_repair(case, server.uri, restore=restore, close=server.close)


def _make_store(case: Case) -> None:
    """Make a store by a first run."""
    ended = run([*WORDS, "training.max_steps=1", "tracking=local"], case.folder)
    assert (ended.returncode, ended.stderr) == (0, "")


@contextmanager
def _lock_database(case: Case) -> Iterator[Callable[[], None]]:
    """Have another process hold the database in an exclusive transaction, for a minute or until it is let go."""
    code = (
        "import select, sqlite3, sys\n"
        f"database = sqlite3.connect({str(case.folder / 'mlruns/mlflow.db')!r}, timeout=60, isolation_level=None)\n"
        "database.execute('begin exclusive'); print('locked', flush=True)\n"
        f"select.select([sys.stdin], [], [], {LOCK_SECONDS})\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        stdin, stdout = holder.stdin, holder.stdout
        assert stdout is not None
        assert stdout.readline() == b"locked\n"

        def release() -> None:
            if stdin is not None:
                stdin.close()
            holder.wait(timeout=30)

        yield release
        release()


def _refused(case: Case, status: int) -> None:
    port = find_free_port()
    words = [*WORDS, "tracking=server", f"tracking.uri=http://127.0.0.1:{port}"]
    # What is imported is told by Python itself, on stderr, so that another run shows the message.
    traced = dict(os.environ, PYTHONPROFILEIMPORTTIME="1")
    with answer_all(status, port):
        began = time.monotonic()
        refused = run(words, case.folder)
        seconds = time.monotonic() - began
        imports = run(words, case.folder, traced).stderr
    case.figures = {"refusal": round(seconds, 2)}
    lines = refused.stderr.splitlines()
    expected = f"charrnn_exp: error: tracking server http://127.0.0.1:{port} refused access ({status} "
    if refused.returncode != 3:
        case.problems.append(f"exit code {refused.returncode}")
    if len(lines) != 1 or not lines[0].startswith(expected):
        case.problems.append(f"stderr is {refused.stderr[-300:]!r}")
    if seconds > MAX_REFUSAL_SECONDS:
        case.problems.append(f"took {seconds:.1f} s")
    imported = {line.rpartition("|")[2].strip() for line in imports.splitlines()}
    assert "charrnn_exp.cli" in imported, imports[-300:]
    if not imported.isdisjoint({"tensorflow", "keras"}):
        case.problems.append("TensorFlow was imported")
