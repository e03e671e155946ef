"""However a run ends, its listeners are closed with the true status before MLflow has it."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from charrnn_exp.errors import Interrupted, MachineError
from charrnn_exp.experiment.close import beginning, closing
from charrnn_exp.experiment.listeners.listener import Listener
from charrnn_exp.run_folder.folder import RunFolder


class Notes(Listener):
    """Writes down what it is told, as listener, summary and feed at once."""

    def __init__(self, error: Exception | None = None) -> None:
        self.heard: list[str] = []
        self._error = error

    def start(self) -> None:
        self.heard.append("start")

    def close(self, status: str) -> None:
        self.heard.append(f"close {status}")
        if self._error is not None:
            raise self._error

    def send_end(self, status: str) -> None:
        self.heard.append(f"send {status}")

    def note_end(self) -> None:
        self.heard.append("note")

    def write(self, status: str) -> None:
        self.heard.append(f"write {status}")


@contextmanager
def close(notes: Any) -> Iterator[None]:
    with closing([notes], summary=notes, feed=notes):
        yield


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Interrupted(signal.SIGTERM, "stopped"), "KILLED"),
        (KeyboardInterrupt(), "KILLED"),
        (MachineError("no disk"), "FAILED"),
        (ValueError("a bug"), "FAILED"),
    ],
)
def test_the_status_says_how_the_run_ended_and_the_error_goes_on(error: BaseException, status: str) -> None:
    notes = Notes()
    with pytest.raises(type(error)), close(notes):
        raise error
    assert notes.heard == ["start", f"close {status}", f"send {status}", "note", f"write {status}"]


def test_a_disk_that_fails_at_the_end_hides_no_error_and_is_one_where_all_went_well() -> None:
    notes = Notes(OSError("no space"))
    with pytest.raises(MachineError, match="first"), close(notes):
        raise MachineError("first")
    assert notes.heard[-1] == "write FAILED"
    with pytest.raises(OSError, match="no space"), close(Notes(OSError("no space"))):
        pass


def test_a_run_that_fails_before_there_is_a_model_is_failed_unless_an_earlier_session_said_more(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for status in ("FAILED", "KILLED"):
        if status == "KILLED":
            folder.summary.write_text('{"status": "KILLED", "step": 7}')
        with pytest.raises(ValueError, match="no"), beginning(folder):
            raise ValueError("no")
        assert folder.read_summary().status == status
