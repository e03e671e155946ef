"""Whether a tracking server lets us in, and lets us write: asked of real servers on loopback."""

import base64
import http.server
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from charrnn_exp.config.compose import compose_jobs
from charrnn_exp.errors import MachineError
from charrnn_exp.tracking.access import PROBE_SECONDS, probe_server
from tests.conftest import compose_once


@contextmanager
def serve(answer: Callable[[str | None], int]) -> Iterator[str]:
    """Serve on loopback; `answer` turns the Authorization header of a request into the status."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(answer(self.headers.get("Authorization")))
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def probe(uri: str) -> float:
    """Return how long it took."""
    tracking = compose_once("tracking=server", f"tracking.uri={uri}").tracking
    before = time.monotonic()
    probe_server(tracking)
    return time.monotonic() - before


@pytest.mark.parametrize("code", [401, 403])
def test_a_server_that_refuses_us_is_an_error_of_the_machine(code: int) -> None:
    with serve(lambda _: code) as uri, pytest.raises(MachineError, match=rf"{uri} refused access \({code} "):
        probe(uri)


@pytest.mark.parametrize("code", [200, 404, 500, 503])
def test_any_other_answer_lets_the_run_start(code: int) -> None:
    with serve(lambda _: code) as uri:
        probe(uri)


def test_user_and_password_come_from_mlflows_own_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = "Basic " + base64.b64encode(b"me:sesame").decode()
    with serve(lambda header: 200 if header == expected else 401) as uri:
        with pytest.raises(MachineError):
            probe(uri)
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "me")
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "sesame")
        probe(uri)


def test_a_token_of_mlflows_own_variable_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "abc")
    with serve(lambda header: 200 if header == "Bearer abc" else 403) as uri:
        probe(uri)


def test_a_password_in_the_variable_with_the_address_is_used_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = "Basic " + base64.b64encode(b"me:sesame").decode()
    with serve(lambda header: 200 if header == expected else 401) as uri:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri.replace("//", "//me:sesame@"))
        probe_server(compose_jobs(["tracking=server"])[0].tracking)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri.replace("//", "//me:wrong@"))
        with pytest.raises(MachineError, match=r"refused access \(401") as raised:
            probe_server(compose_jobs(["tracking=server"])[0].tracking)
    assert "wrong" not in str(raised.value)


def test_a_server_that_is_not_there_is_not_waited_for() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = unused.getsockname()
    assert probe(f"http://127.0.0.1:{address[1]}") < 1.0


def test_a_server_that_hangs_is_waited_for_less_than_three_seconds() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        assert PROBE_SECONDS - 0.5 < probe(f"http://127.0.0.1:{silent.getsockname()[1]}") < 3.0


@contextmanager
def serve_users(refused: set[str], asked: list[str]) -> Iterator[str]:
    """Serve like MLflow with users on loopback: some endpoints are refused; none is served without a password."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            endpoint = self.path.partition("?")[0].removeprefix("/api/2.0/mlflow/")
            status = 403 if endpoint in refused else 400 if endpoint == "experiments/update" else 200
            if self.headers.get("Authorization") is None:
                status = 401
            else:
                asked.append(f"{self.command} {endpoint} {body}".strip())
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps({"experiment": {"experiment_id": "7"}}).encode())

        do_GET = do_POST = answer  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


NEW = ["GET experiments/get-by-name", 'POST experiments/update {"experiment_id": "7"}']
GOES_ON = ["GET experiments/get-by-name", "GET runs/get", 'POST runs/log-batch {"run_id": "abc"}']


@pytest.mark.parametrize(
    ("run_id", "refused", "line"),
    [
        (None, {"experiments/get-by-name"}, r"refused access \(403 Forbidden\): ask its admin"),
        (
            None,
            {"experiments/update"},
            r"lets you read the experiment 'charrnn' but not write into it \(403 Forbidden\)",
        ),
        ("abc", {"runs/log-batch"}, r"lets you read run abc but not write into it \(403 Forbidden\)"),
        ("abc", {"runs/get", "experiments/update"}, r"lets you read the experiment 'charrnn' but not"),
    ],
)
def test_what_may_be_read_but_not_written_is_told_before_the_run(
    monkeypatch: pytest.MonkeyPatch, run_id: str | None, refused: set[str], line: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "me")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "sesame")
    with serve_users(refused, []) as uri:
        tracking = compose_once("tracking=server", f"tracking.uri={uri}").tracking
        with pytest.raises(MachineError, match=f"tracking server {uri} {line}") as raised:
            probe_server(tracking, run_id=run_id)
    assert len(raised.value.lines) == 1


@pytest.mark.parametrize(("run_id", "expected"), [(None, NEW), ("abc", GOES_ON)])
def test_the_question_about_writing_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, run_id: str | None, expected: list[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "me")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "sesame")
    asked: list[str] = []
    with serve_users(set(), asked) as uri:
        probe_server(compose_once("tracking=server", f"tracking.uri={uri}").tracking, run_id=run_id)
    assert asked == expected
