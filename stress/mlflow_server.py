"""A real MLflow server on loopback, and what may stand in its place: a server that refuses, one that never answers."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HOST = "127.0.0.1"
START_SECONDS = 120


class MlflowServer:
    """`mlflow server` with its books in a folder; started, ended, killed and stopped as often as one likes.

    Args:
        folder: of its database and artifacts; made where it is missing.
        port: that it always has.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self.uri = f"http://{HOST}:{port}"
        self._folder, self._port = folder, port
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and return as soon as it answers."""
        self._folder.mkdir(parents=True, exist_ok=True)
        command = [
            sys.executable,
            "-m",
            "mlflow",
            "server",
            "--host",
            HOST,
            "--port",
            str(self._port),
            "--workers",
            "1",
        ]
        command += ["--backend-store-uri", f"sqlite:///{self._folder.absolute()}/server.db"]
        command += ["--artifacts-destination", str(self._folder.absolute() / "artifacts")]
        environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # its workers are signalled with it
        )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                urllib.request.urlopen(f"{self.uri}/health", timeout=1).close()
                return
            except OSError:
                time.sleep(0.1)
        self.signal(signal.SIGKILL)
        raise TimeoutError(f"mlflow server did not start at {self.uri}")

    def signal(self, number: int) -> None:
        """Send a signal to the server and its workers, and wait for their end where they must end."""
        assert self._process is not None
        os.killpg(self._process.pid, number)
        if number in (signal.SIGKILL, signal.SIGTERM):
            self._process.wait(timeout=60)
            self._process = None
            _wait_until_free(self._port)  # its workers may outlive it by a moment

    def close(self) -> None:
        """Kill what is left of it."""
        if self._process is not None:
            self.signal(signal.SIGKILL)


def find_free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as attempt:
        attempt.bind((HOST, 0))
        return int(attempt.getsockname()[1])


def _wait_until_free(port: int) -> None:
    """Return when the port can be listened on.

    Raises:
        TimeoutError: after `START_SECONDS`.
    """
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with socket.socket() as attempt, contextlib.suppress(OSError):
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            attempt.bind((HOST, port))
            return
        time.sleep(0.05)
    raise TimeoutError(f"port {port} is still in use")


@contextmanager
def serve(folder: Path, port: int | None = None) -> Iterator[MlflowServer]:
    """Give a server that answers; it is gone when the body ends."""
    server = MlflowServer(folder, port or find_free_port())
    server.start()
    try:
        yield server
    finally:
        server.close()


@contextmanager
def answer_all(status: int, port: int) -> Iterator[list[bytes]]:
    """Answer every request on the port with one HTTP status; gives the list of what is sent to it."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            bodies.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer((HOST, port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield bodies
        finally:
            server.shutdown()


@contextmanager
def accept_only(port: int) -> Iterator[None]:
    """Take connections on the port and never answer one."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(128)
        yield
