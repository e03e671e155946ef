"""A run in an MLflow store as it is read, without trust: its tags, the list of its files, their bytes.

All of a server's answers come from the server that was asked: an address of artifacts that it names (a folder of this
machine, a bucket) is not followed.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit
from urllib.request import url2pathname

from charrnn_exp.config.choices import Backend
from charrnn_exp.config.schema import TrackingConfig
from charrnn_exp.config.secrets import hide_secrets, redact
from charrnn_exp.errors import CharRNNError, MachineError, one_line
from charrnn_exp.tracking.access import API, REFUSALS, UNAUTHORIZED, describe_refusal
from charrnn_exp.tracking.store import DATABASE, find_uri, import_client

ANSWER_SECONDS = 30.0
"""Seconds without a byte after which a server counts as silent."""
CHUNK_BYTES = 1 << 16
MAX_ANSWER_BYTES = 1 << 24
"""Largest answer of a server that is no file: a list of 100,000 files takes two thirds of it."""

Listing = dict[str, int | None]
"""What lies in a folder of artifacts, by name: the bytes of a file; None of a folder."""


class StoredRun(Protocol):
    """A run in a store. A link is neither a file nor a folder."""

    store: str
    """Name of the store, for messages."""
    run_id: str
    tags: Mapping[str, str]

    def list_folder(self, folder: str) -> Listing:
        """Return what lies in a folder of its artifacts, "" for the top; names are as the store gives them.

        Raises:
            MachineError: if the store does not answer, or with something else.
        """
        ...

    def read_file(self, path: str) -> Iterator[bytes]:
        """Yield the bytes of one of its files, as many as there are.

        Raises:
            MachineError: if the store does not answer.
            OSError: if the disk cannot be read.
        """
        ...


class ServerRun:
    """A run on a tracking server.

    Args:
        uri: address of the server, with the user and password it may hold.
        run_id: of the run.
        tags: of the run.
    """

    def __init__(self, uri: str, run_id: str, tags: Mapping[str, str]) -> None:
        self.store, self.run_id, self.tags = redact(uri), run_id, tags
        self._uri = uri

    def list_folder(self, folder: str) -> Listing:
        """Ask the server for the list."""
        words = {"run_id": self.run_id} | ({"path": folder} if folder else {})
        status, answer = ask_json(self._uri, f"{API}/artifacts/list", words)
        entries = answer.get("files", [])
        if status != 200 or not isinstance(entries, list):
            raise MachineError(f"{self.store} does not list the files of run {self.run_id}: it answered {status}.")
        try:
            return dict(_read_entry(entry, folder) for entry in entries)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise MachineError(
                f"{self.store} lists something else than files for run {self.run_id} ({one_line(error)[:200]}): "
                "do not use it."
            ) from error

    def read_file(self, path: str) -> Iterator[bytes]:
        """Ask the server for the file."""
        with _ask(self._uri, "/get-artifact", {"run_uuid": self.run_id, "path": path}) as answer:
            if answer.status_code != 200:
                raise MachineError(f"{self.store} does not send {path} of run {self.run_id}: {answer.status_code}.")
            yield from answer.iter_content(CHUNK_BYTES)


class LocalRun:
    """A run in the local store.

    Args:
        folder: of its artifacts.
        run_id: of the run.
        tags: of the run.
    """

    def __init__(self, folder: Path, run_id: str, tags: Mapping[str, str]) -> None:
        self.store, self.run_id, self.tags = str(DATABASE.absolute()), run_id, tags
        self._folder = folder

    def list_folder(self, folder: str) -> Listing:
        """Read the folder."""
        path = self._folder / folder
        if not path.is_dir():
            return {}
        with os.scandir(path) as entries:
            return {
                entry.name: entry.stat().st_size if entry.is_file(follow_symlinks=False) else None
                for entry in entries
                if not entry.is_symlink()
            }

    def read_file(self, path: str) -> Iterator[bytes]:
        """Read the file."""
        with (self._folder / path).open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk


def find_stored_run(tracking: TrackingConfig, run_id: str) -> StoredRun | None:
    """Return the run of this id in the store; None where the store lacks it or hides it, or there is none.

    Raises:
        MachineError: if the store does not answer, or refuses access.
    """
    match tracking.backend:
        case Backend.none:
            return None
        case Backend.server:
            return _find_on_server(find_uri(tracking), run_id)
        case Backend.local:
            return _find_in_database(tracking, run_id) if DATABASE.is_file() else None


def _find_on_server(uri: str, run_id: str) -> ServerRun | None:
    status, answer = ask_json(uri, f"{API}/runs/get", {"run_id": run_id})
    if status == UNAUTHORIZED:
        raise MachineError(describe_refusal(uri, status))
    if status in REFUSALS or answer.get("error_code") == "RESOURCE_DOES_NOT_EXIST":
        return None  # MLflow refuses a run that it lacks and one that may not be read alike
    try:
        if status != 200:
            raise ValueError(f"status {status}")
        run = answer["run"]
        tags = {str(tag["key"]): str(tag["value"]) for tag in run["data"].get("tags", [])}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MachineError(
            f"{redact(uri)} does not answer like an MLflow server ({one_line(error)[:200]}): mend tracking.uri."
        ) from error
    return ServerRun(uri, run_id, tags)


def _find_in_database(tracking: TrackingConfig, run_id: str) -> LocalRun | None:
    client_class = import_client()
    from mlflow.exceptions import MlflowException

    try:
        run = client_class(tracking_uri=find_uri(tracking)).get_run(run_id)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise MachineError(f"cannot read {DATABASE.absolute()} ({one_line(error)[:300]}).") from error
    address = urlsplit(str(run.info.artifact_uri))
    if address.scheme not in ("", "file"):
        raise MachineError(f"the files of run {run_id} must lie on this machine, got {redact(run.info.artifact_uri)}.")
    return LocalRun(Path(url2pathname(address.path)), run_id, run.data.tags)


def _read_entry(entry: Any, folder: str) -> tuple[str, int | None]:
    """Return the name of an entry of a server's list in its folder, and its bytes.

    Raises:
        ValueError: if its size is no whole number of at least 0.
        TypeError, KeyError, AttributeError: if it is no entry.
    """
    if not isinstance(path := entry["path"], str):
        raise TypeError(f"a path {str(path)[:100]!r}")
    name = path.removeprefix(f"{folder}/") if folder else path
    if entry.get("is_dir", False):
        return name, None
    size = entry.get("file_size", 0)  # protobuf leaves 0 out, and may write a long number as text
    if type(size) not in (int, str) or not str(size).isdecimal():
        raise ValueError(f"{name[:100]!r} of {str(size)[:100]!r} bytes")
    return name, int(size)


def ask_json(uri: str, endpoint: str, words: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
    """Return the status and the object of an answer; {} where it is none."""
    raw = bytearray()
    with _ask(uri, endpoint, words) as answer:
        for chunk in answer.iter_content(CHUNK_BYTES):
            raw += chunk
            if len(raw) > MAX_ANSWER_BYTES:
                raise MachineError(f"{redact(uri)} answered with more than {MAX_ANSWER_BYTES:,} bytes: do not use it.")
        status = int(answer.status_code)
    try:
        values = json.loads(raw)
    except (ValueError, RecursionError):
        return status, {}
    return status, values if isinstance(values, dict) else {}


@contextmanager
def _ask(uri: str, endpoint: str, words: Mapping[str, str]) -> Iterator[Any]:
    """Give the answer of a server, whose body is read in the block, asked with the credentials that MLflow finds.

    Raises:
        MachineError: if it does not answer, also midway.
    """
    import_client()
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    try:
        with http_request(
            get_default_host_creds(uri),
            endpoint,
            "GET",
            params=dict(words),
            extra_headers={"Accept-Encoding": "identity"},  # of a packed body the size would not be known
            raise_on_status=False,
            timeout=ANSWER_SECONDS,
            max_retries=0,
            stream=True,
        ) as answer:
            yield answer
    except CharRNNError:
        raise
    except Exception as error:  # MLflow's, requests' and urllib3's
        raise MachineError(
            f"tracking server {redact(uri)} did not answer ({hide_secrets(one_line(error))[:300]}): start it, or mend "
            "tracking.uri."
        ) from error
