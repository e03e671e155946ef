"""A server that answers like MLflow's REST API for one run, as honestly as it is told to."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

RUN_ID = "0123456789abcdef" * 2


@dataclass
class SmallServer:
    """The run that it has.

    Args:
        files: bytes by path.
        tags: of the run.
        listed: entries of a folder, in place of those that the files make.
        asked: what was asked for, in order.
        status: of every answer.
        models: registered ones, a version by "NAME@ALIAS" or "NAME/VERSION".
        uri: where it listens.
    """

    files: dict[str, bytes]
    tags: dict[str, str] = field(default_factory=dict)
    listed: dict[str, list[Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    status: int = 200
    models: dict[str, Any] = field(default_factory=dict)
    uri: str = ""

    def answer(self, address: str) -> tuple[int, bytes]:
        """Return the status and the body."""
        self.asked.append(address)
        parts = urlsplit(address)
        words = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if self.status != 200:
            return self.status, b"{}"
        match parts.path.removeprefix("/api/2.0/mlflow"):
            case "/runs/get" if words["run_id"] != RUN_ID:
                return 404, b'{"error_code": "RESOURCE_DOES_NOT_EXIST"}'
            case "/runs/get":
                tags = [{"key": key, "value": value} for key, value in self.tags.items()]
                return 200, json.dumps({"run": {"info": {"run_id": RUN_ID}, "data": {"tags": tags}}}).encode()
            case "/registered-models/alias" if (model := f"{words['name']}@{words['alias']}") in self.models:
                return 200, json.dumps({"model_version": self.models[model]}).encode()
            case "/model-versions/get" if (model := f"{words['name']}/{words['version']}") in self.models:
                return 200, json.dumps({"model_version": self.models[model]}).encode()
            case "/registered-models/alias" | "/model-versions/get":
                return 404, b'{"error_code": "RESOURCE_DOES_NOT_EXIST"}'
            case "/artifacts/list":
                return 200, json.dumps({"files": self.list_folder(words.get("path", ""))}).encode()
            case "/get-artifact" if words["path"] in self.files:
                return 200, self.files[words["path"]]
            case _:
                return 404, b"{}"

    def list_folder(self, folder: str) -> list[Any]:
        """Return the entries of a folder, as MLflow gives them."""
        if folder in self.listed:
            return self.listed[folder]
        start = f"{folder}/" if folder else ""
        inner = {path[len(start) :].split("/")[0] for path in self.files if path.startswith(start)}
        return [self.describe(start + name) for name in sorted(inner)]

    def describe(self, path: str) -> dict[str, Any]:
        """Return the entry of a file or a folder."""
        if path in self.files:
            return {"path": path, "is_dir": False, "file_size": len(self.files[path])}
        return {"path": path, "is_dir": True}


def read_files(folder: Path) -> dict[str, bytes]:
    """Return the files that a run folder sends."""
    sent = (path for path in folder.rglob("*") if path.is_file() and path.name not in (".lock", "tracking.json"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in sent}


@contextmanager
def serve_files(files: dict[str, bytes], **options: Any) -> Iterator[SmallServer]:
    """Give a server with these files."""
    small = SmallServer(dict(files), **options)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = small.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    small.uri = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield small
    finally:
        server.shutdown()
        server.server_close()
