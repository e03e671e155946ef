"""Whether a tracking server lets us in: asked of real servers on loopback."""

import base64
import http.server
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from charrnn_exp.config.compose import compose_jobs
from charrnn_exp.errors import MachineError
from charrnn_exp.tracking.store import PROBE_SECONDS, probe_server
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
    threading.Thread(target=server.serve_forever, daemon=True).start()
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


def open_in_a_process() -> "subprocess.Popen[str]":
    code = (
        "from charrnn_exp.config.compose import compose_jobs\n"
        "from charrnn_exp.tracking.store import open_client\n"
        "client, experiment_id = open_client(compose_jobs([])[0].tracking)\n"
        "print(client.create_run(experiment_id).info.status)\n"
    )
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
@pytest.mark.parametrize("num_bytes", [1, 100_000, 300_000])
def test_a_kill_while_the_store_is_made_costs_nothing(
    num_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    killed = open_in_a_process()
    while not any(path.stat().st_size >= num_bytes for path in tmp_path.glob("mlruns/.mlflow.db.unfinished")):
        assert killed.poll() is None
        time.sleep(0.001)
    killed.kill()
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "mlruns/mlflow.db").exists()

    assert open_in_a_process().communicate()[0] == "RUNNING\n"
    assert {path.name for path in tmp_path.glob("mlruns/*")} == {".lock", "mlflow.db"}
