"""Secrets of the environment: searched for in every byte of all that a run writes down, sends, or says."""

import base64
import os
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from charrnn_exp.run_folder.folder import RunFolder
from stress.canaries import spread
from stress.hostile_runs import SMALL
from stress.outcome import Outcome
from stress.processes import find_folders, run, start
from stress.sandbox import Sandbox

NAMES = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "AWS_ACCESS_KEY_ID",
         "AWS_SECRET_ACCESS_KEY",
         "AWS_SESSION_TOKEN", "DATABASE_URL", "PGPASSWORD", "HF_TOKEN", "WANDB_API_KEY", "GITHUB_TOKEN",
         "AZURE_STORAGE_ACCESS_KEY",
         "GOOGLE_API_KEY", "OPENAI_API_KEY", "SSH_AUTH_SOCK", "FOO_SECRET", "PASSWORD",
         "MLFLOW_FLASK_SERVER_SECRET_KEY")  # fmt: skip
URI_USER, URI_PASSWORD = "usr-Zq7%2Bin/uri".replace("/", "%2F"), "pwd-Zq7:in@uri"
DIVERGING = ("optimizer.learning_rate=1e38", "optimizer.clip_norm=null", "training.max_steps=40")
LONG = ("training.max_steps=100000", "training.epochs=100000")


@dataclass(frozen=True)
class Case:
    """A run among secrets.

    Args:
        name: in the report.
        words: of the run.
        code: exit code that is right.
        server: how the tracking server answers, None: there is none.
        uri: whether MLFLOW_TRACKING_URI holds a user and a password.
        is_stopped: whether it gets SIGTERM once it trains.
    """

    name: str
    words: tuple[str, ...]
    code: int
    server: str | None = None
    uri: bool = False
    is_stopped: bool = False


def list_cases() -> list[Case]:
    """Return all of them."""
    wrong = ("model.hidden_size=0", "+x=${oc.env:FOO_SECRET}", "name=${oc.env:FOO_SECRET}", "qqq=1")
    cases = [
        Case("local, well", SMALL, 0),
        Case("local, stopped", (*SMALL, *LONG), 143, is_stopped=True),
        Case("local, a setting is wrong", wrong, 2),
        Case("local, a folder for a database", SMALL, 0, server="folder"),
        Case("local, --cfg all", ("--cfg", "all"), 0),
        Case("local, a loss that is not finite", (*SMALL, *DIVERGING), 2),
        Case("local, a sweep with a job that fails", (*SMALL, "-m", "dataset.max_bytes=2700,3"), 2),
        Case("a verb that is wrong", ("smaple",), 2),
        Case("repair without runs", ("repair",), 2),
        Case("ui without a store", ("ui",), 2),
    ]  # fmt: skip
    for uri in (False, True):
        where = "user and password in the address" if uri else "credentials in variables"
        server = (*SMALL, "tracking=server")
        cases += [
            Case(f"server away, {where}", server, 0, "away", uri),
            Case(f"server says 500, {where}", server, 0, "500", uri),
            Case(f"server says 401, {where}", server, 3, "401", uri),
            Case(f"server says 403, {where}", server, 3, "403", uri),
            Case(f"server speaks no JSON, {where}", server, 0, "text", uri),
            Case(f"server repeats what it hears, {where}", server, 0, "echo", uri),
            Case(f"server sends elsewhere, {where}", server, 0, "redirect", uri),
            Case(f"server away, a setting is wrong, {where}", ("tracking=server", *wrong), 2, "away", uri),
            Case(f"server away, ui, {where}", ("ui", "tracking=server"), 3, "away", uri),
            Case(f"server away, stopped, {where}", (*server, *LONG), 143, "away", uri, is_stopped=True),
        ]
    return [
        *cases,
        Case("user and password in tracking.uri", (*SMALL, "tracking=server", "tracking.uri=<uri>"), 2, "away"),
        Case("user and password in tracking.uri, local", (*SMALL, "tracking.uri=<uri>"), 2, "away"),
        Case("user and password, of a database", ("tracking=server", "tracking.uri=pg://u:<password>@h/d"), 2),
    ]  # fmt: skip


def secrets(num_cases: int, folder: Path) -> Outcome:
    """Run among secrets, search all that was written for them: as they are, in an address, in base64."""
    outcome = Outcome()
    cases = spread(list_cases(), num_cases)
    for i, case in enumerate(cases):
        box = Sandbox(folder / f"case_{i}").make()
        outcome.add(_run_among_secrets(case, box, outcome), case.name)
    return outcome


def _run_among_secrets(case: Case, box: Sandbox, outcome: Outcome) -> list[str]:
    hidden = {name: f"s3cret-{name.lower()}-Zq7/+=@" for name in NAMES}
    environment = {**box.environment(), **hidden}
    with _serve(case.server) as address:
        full = address.replace("://", f"://{URI_USER}:{urllib.parse.quote(URI_PASSWORD, safe='')}@")
        environment["MLFLOW_TRACKING_URI"] = full if case.uri else address
        if case.server == "folder":
            (box.work / "mlruns/mlflow.db").mkdir(parents=True)
        words = [word.replace("<uri>", full).replace("<password>", URI_PASSWORD) for word in case.words]
        code, out, err = _run(words, box, environment, case)
    problems = [] if code == case.code else [f"exit code {code}, not {case.code}: {err[-300:]}"]
    if "Traceback" in out + err or "bug:" in err:
        problems.append(f"standard error has {err[-300:]!r}")
    shown = spell([*hidden.values(), URI_PASSWORD, urllib.parse.unquote(URI_USER)])
    shown |= spell_pairs(hidden["MLFLOW_TRACKING_USERNAME"], hidden["MLFLOW_TRACKING_PASSWORD"])
    shown |= spell_pairs(urllib.parse.unquote(URI_USER), URI_PASSWORD)
    for place, raw in [("standard output", out.encode()), ("standard error", err.encode()), *read_all(box.path)]:
        outcome.count("bytes searched", len(raw))
        found = [spelling for spelling in shown if spelling in raw]
        if found:
            problems.append(f"{place} has {found[0]!r}")
    return problems


def _run(words: list[str], box: Sandbox, environment: dict[str, str], case: Case) -> tuple[int, str, str]:
    if not case.is_stopped:
        ended = run(words, box.work, environment)
        return ended.returncode, ended.stdout, ended.stderr
    process = start(words, box.work, environment)
    timer = threading.Timer(100, process.kill)
    timer.start()
    while process.poll() is None and not any(_has_rows(folder) for folder in find_folders(box.work)):
        threading.Event().wait(0.1)
    process.terminate()
    out, err = process.communicate()
    timer.cancel()
    return process.returncode, out, err


def _has_rows(folder: RunFolder) -> bool:
    return folder.metrics.exists() and folder.metrics.stat().st_size > 0


def spell(secrets: list[str]) -> set[bytes]:
    """Return each as it is, in an address, and in base64."""
    spelled = set()
    for secret in secrets:
        raw = secret.encode()
        quoted = urllib.parse.quote(secret, safe="")
        spelled |= {
            raw,
            quoted.encode(),
            quoted.lower().encode(),
            urllib.parse.quote(secret).encode(),
            base64.b64encode(raw),
        }
    return spelled


def spell_pairs(user: str, password: str) -> set[bytes]:
    """Return user and password as a header has them, in base64."""
    return {base64.b64encode(f"{user}:{password}".encode()), base64.urlsafe_b64encode(f"{user}:{password}".encode())}


def read_all(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield every file below a folder, and every name."""
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(parent, name)
            yield f"the name {path.relative_to(folder)}", name.encode()
            with suppress(FileNotFoundError):  # of a server that runs
                if path.is_file():
                    yield str(path.relative_to(folder)), path.read_bytes()


@contextmanager
def _serve(way: str | None) -> Iterator[str]:
    """Answer on a port of this machine in some way; or leave it without an answer."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            heard = self.rfile.read(length)
            if way == "redirect":
                self.send_response(302)
                self.send_header("Location", f"http://127.0.0.1:9/{self.headers.get('Authorization', '')}")
                self.end_headers()
                return
            told = f"{self.path}\n{self.headers}".encode() + heard
            body = {"echo": told, "text": b"<html>no</html>"}.get(
                str(way), b'{"error_code": "INTERNAL_ERROR", "message": "no"}'
            )
            self.send_response({"echo": 500, "text": 200}.get(str(way)) or int(str(way)))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    address = f"http://127.0.0.1:{server.server_port}"
    if way in (None, "away", "folder"):
        server.server_close()
        yield address
        return
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield address
    server.shutdown()
    thread.join()
    server.server_close()
