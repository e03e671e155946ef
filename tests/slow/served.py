"""A small model that the verb `serve` serves, as a real process; requests to it, also broken ones."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.slow.programs import SMALL, TEXT, end, start

JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Served:
    """A running server.

    Args:
        address: that it printed.
        process: that it is.
        port: of 127.0.0.1.
    """

    address: str
    process: "subprocess.Popen[str]"
    port: int

    def ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Any:
        """Return status, headers and the parsed body of an answer, or its bytes where they are no JSON."""
        with contextlib.closing(HTTPConnection("127.0.0.1", self.port, timeout=120)) as connection:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            raw = answer.read()
        with contextlib.suppress(ValueError):
            return answer.status, dict(answer.headers), json.loads(raw)
        return answer.status, dict(answer.headers), raw

    def post(self, path: str, values: Any) -> Any:
        """Return status and object of the answer to JSON."""
        status, _, found = self.ask("POST", path, json.dumps(values).encode(), JSON)
        return status, found

    def send_raw(self, raw: bytes, *, seconds: float = 30.0) -> bytes:
        """Send bytes as they stand; return all that comes until the connection ends."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as connection:
            connection.sendall(raw)
            found = b""
            with contextlib.suppress(ConnectionResetError):
                while chunk := connection.recv(1 << 16):
                    found += chunk
        return found


def train_small(place: Path, *more: str) -> None:
    """Train a small model in a folder, so long that some characters surprise it and others do not.

    Args:
        place: the folder.
        more: further words of the command line.
    """
    shutil.copyfile(TEXT, place / "text.txt")
    kept = [word for word in SMALL if not word.startswith(("model.hidden_size", "training.batch_size"))]
    words = ["model.hidden_size=48", "training.batch_size=8", "training.epochs=1000", "training.max_steps=300"]
    code, _, err = end(start(place, *kept, *words, "optimizer.learning_rate=0.01", *more))
    assert code == 0, err


@contextlib.contextmanager
def serving(place: Path, *words: str) -> Iterator[Served]:
    """Give the server of the last run in a folder, which ends with the block by SIGTERM."""
    with start(place, "serve", *words) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            line = process.stdout.readline()
            assert "http://127.0.0.1:" in line, process.stderr.read()
            address = line.rpartition(": ")[2].strip()
            yield Served(address, process, int(urlsplit(address).port or 0))
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=10) == 0
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
