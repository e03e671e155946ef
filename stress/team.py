"""Runs of several machines at once on a team's server: MLflow with users and passwords, on PostgreSQL."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from charrnn_exp.run_folder.metrics import read_rows
from stress.mlflow_rows import find_mlflow_problems
from stress.mlflow_server import HOST, find_free_port
from stress.outcome import Outcome
from stress.postgresql import find_programs
from stress.processes import find_folder, run
from stress.secrets import read_all, spell, spell_pairs

SCRIPT = Path(__file__).parent.parent / "examples" / "team_server.py"
START_SECONDS = 180
NUM_ROWS = 2_000
WORDS = (
    "dataset=stdlib",
    "dataset.max_bytes=6007",
    "model.hidden_size=16",
    "model.embedding_dim=8",
    "training.batch_size=4",
    "training.sequence_length=20",
    "training.epochs=1000",
    f"training.max_steps={NUM_ROWS}",
    "training.validate_every_steps=500",
    "sampling.length=40",
    "tracking=server",
    "tracking.log_every_steps=1",
)
PASSWORDS = {"anna": "anna's-open/sesame+7421", "bob": "bob-owl:hoots@midnight"}


@dataclass(frozen=True)
class TeamServer:
    """A server that runs.

    Args:
        folder: of its database, its artifacts, its logs and its secrets.
        uri: address of MLflow.
        storage: address of the database of searches, without its user.
    """

    folder: Path
    uri: str
    storage: str

    def call(self, verb: str, *words: str, password: str = "") -> None:
        """Call the script with a verb."""
        command = [sys.executable, str(SCRIPT), verb, str(self.folder), *words]
        subprocess.run(command, env={**os.environ, "NEW_PASSWORD": password}, check=True, stdout=subprocess.DEVNULL)

    def list_credentials(self, user: str, password: str | None = None) -> dict[str, str]:
        """Return the variables of a user, with the right password where none is given."""
        password = PASSWORDS[user] if password is None else password
        names = {"MLFLOW_TRACKING_USERNAME": user, "MLFLOW_TRACKING_PASSWORD": password, "PGPASSWORD": password}
        return {**names, "MLFLOW_TRACKING_URI": self.uri}

    def dump(self, folder: Path) -> None:
        """Write all databases into a file."""
        programs, port = find_programs(), self.storage.rpartition(":")[2].partition("/")[0]
        assert programs is not None
        command = [str(programs / "pg_dumpall"), "-h", str(self.folder / "database"), "-p", port]
        owner = (self.folder / "database").stat()
        is_root = os.getuid() == 0
        account = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": ()} if is_root else {}
        with (folder / "dump.sql").open("w") as file:
            subprocess.run(command, stdout=file, check=True, cwd="/", **account)  # type: ignore[call-overload]


@contextmanager
def serve_team() -> Iterator[TeamServer]:
    """Give a server with the users of `PASSWORDS`; it and its folder are gone when the body ends."""
    folder = Path(tempfile.mkdtemp(prefix="team_")).resolve()
    folder.chmod(0o711)  # the owner of the database, who is not root, must reach it
    ports = find_free_port(), find_free_port()
    command = [sys.executable, str(SCRIPT), "start", str(folder / "server")]
    command += ["--port", str(ports[0]), "--database-port", str(ports[1])]
    server = TeamServer(folder / "server", f"http://{HOST}:{ports[0]}", f"postgresql://{HOST}:{ports[1]}/studies")
    with (folder / "start.log").open("w+") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            deadline = time.monotonic() + START_SECONDS
            while "Ctrl-C ends both" not in (folder / "start.log").read_text():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"the server did not start: {(folder / 'start.log').read_text()}")
                time.sleep(0.1)
            for user, password in PASSWORDS.items():
                server.call("add", user, password=password)
            yield server
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)
            shutil.rmtree(folder)


def find_leaks(folder: Path) -> list[str]:
    """Return the files below a folder that have a password of `PASSWORDS`, in any spelling, and the spelling."""
    shown = spell([*PASSWORDS.values()])
    for user, password in PASSWORDS.items():
        shown |= spell_pairs(user, password)
    return [f"{place} has {each!r}" for place, raw in read_all(folder) for each in shown if each in raw]


def check(num_cases: int, folder: Path) -> Outcome:
    """Train on as many machines at once as there are cases, by two users; then compare, and look for the passwords."""
    outcome = Outcome()
    with serve_team() as server:
        for i in range(num_cases):
            (folder / f"machine_{i}" / "home").mkdir(parents=True)
        with ThreadPoolExecutor(num_cases) as pool:
            ended = list(pool.map(lambda i: _train(server, folder / f"machine_{i}", i), range(num_cases)))
        environment = dict(os.environ)
        os.environ |= server.list_credentials("anna")
        try:
            for i, problems in enumerate(ended):
                outcome.add([*problems, *_compare(server, folder / f"machine_{i}", outcome)], f"machine {i}")
        finally:
            os.environ.clear()
            os.environ |= environment
        outcome.add(_try_wrong_password(server, folder), "wrong password")
        server.dump(folder)
        outcome.add([*find_leaks(folder), *find_leaks(server.folder)], "passwords in files")
    return outcome


def _train(server: TeamServer, machine: Path, i: int) -> list[str]:
    """Train on a machine of its own; return what was wrong."""
    user = [*PASSWORDS][i % len(PASSWORDS)]
    environment = {**server.list_credentials(user), "HOME": str(machine / "home"), "LOGNAME": user}
    ended = run([*WORDS, f"seed={i}", f"name=of_{user}"], machine, environment)
    (machine / "output.txt").write_text(ended.stdout + ended.stderr)
    return [] if (ended.returncode, ended.stderr) == (0, "") else [f"{ended.returncode}: {ended.stderr[-300:]}"]


def _compare(server: TeamServer, machine: Path, outcome: Outcome) -> list[str]:
    """Compare the rows in MLflow with metrics.jsonl."""
    folder = find_folder(machine)
    num_rows = sum("train_loss" in values for _, values in read_rows(folder.metrics))
    outcome.count("rows of updates", num_rows)
    problems = [] if num_rows == NUM_ROWS else [f"{num_rows} rows of updates"]
    return [*problems, *find_mlflow_problems(server.uri, folder)]


def _try_wrong_password(server: TeamServer, folder: Path) -> list[str]:
    machine = folder / "wrong"
    machine.mkdir()
    ended = run(WORDS, machine, server.list_credentials("anna", PASSWORDS["bob"]))
    lines = ended.stderr.splitlines()
    problems = [] if ended.returncode == 3 else [f"exit code {ended.returncode}"]
    if len(lines) != 1 or "refused access (401" not in lines[0]:
        problems.append(f"standard error is {ended.stderr[-300:]!r}")
    return problems + [f"left {path.name}" for path in machine.iterdir()]
