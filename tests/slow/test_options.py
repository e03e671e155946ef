"""Every option of every group, and every experiment, composes and makes two updates: real runs, in one process."""

import functools
import hashlib
import http.server
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from charrnn_exp.api import compose, run
from charrnn_exp.config.conf_folder import find_conf_folder, list_groups
from charrnn_exp.config.texts import list_installed_texts
from charrnn_exp.data.download import DATA_FOLDER_VARIABLE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

OPTIONS = [(group, option) for group, options in list_groups([find_conf_folder()]).items() for option in options]
TWO_STEPS = ("training.max_steps=2", "optimizer.warmup_steps=1", "sampling.length=3")
TEXT = ("".join(chr(32 + i % 90) * (i % 7) for i in range(9000)) + "\r\n").encode()
"""Enough for two batches of 64 streams of 100 characters, of any part that a protocol leaves for training."""


@contextmanager
def serve_folder(folder: Path) -> Iterator[str]:
    """Serve the folder on loopback."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


NETWORK = {text.name: text for text in list_installed_texts()}


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a real server that has another text, also zipped, in the place of those that are downloaded."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "text").write_bytes(TEXT)
    monkeypatch.setenv(DATA_FOLDER_VARIABLE, str(tmp_path / "data"))
    with zipfile.ZipFile(site / "text.zip", "w") as archive:
        for member in {text.member for text in NETWORK.values()} - {None}:
            archive.write(site / "text", member)
    with serve_folder(site) as address:
        yield address


def test_every_group_of_the_settings_is_tried() -> None:
    assert {group for group, _ in OPTIONS} == {
        "dataset", "debug", "experiment", "recipe", "model", "optimizer", "sampling", "sweep", "tracking", "training",
    }  # fmt: skip
    assert len(OPTIONS) >= 24


@pytest.mark.parametrize(("group", "option"), OPTIONS, ids=[f"{group}={option}" for group, option in OPTIONS])
def test_every_option_composes_and_makes_two_updates(
    group: str, option: str, mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [f"{group}={option}", *TWO_STEPS]
    if group != "tracking":
        words.append("tracking=none")
    if group not in ("dataset", "experiment", "recipe"):
        words.append("dataset.max_bytes=300000")  # of the default text
    needs_more = (group, option) in (("dataset", "file"), ("tracking", "server"))
    text = None if needs_more else NETWORK.get(compose(words[0]).dataset.name)
    if text is not None:
        words.append(f"dataset.urls=[{mirror}/{'text' if text.member is None else 'text.zip'}]")
        words += [f"dataset.num_bytes={len(TEXT)}", f"dataset.checksum=sha256:{hashlib.sha256(TEXT).hexdigest()}"]
    if (group, option) == ("dataset", "file"):
        (tmp_path / "text.txt").write_bytes(TEXT)
        words.append("dataset.path=text.txt")
    if (group, option) == ("tracking", "server"):
        words.append("tracking.uri=http://127.0.0.1:9")  # nobody there: a warning, and the run goes on
    result = run(compose(*words))
    assert (result.summary.status, result.summary.step) == ("FINISHED", 2)
    assert len(result.metrics["train_loss"]) == 2
    assert result.sample is not None
