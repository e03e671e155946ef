"""A text from the network that a user adds by one YAML file; a run folder alone makes nobody fetch anything."""

import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.forks import Program

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/my_text.yaml"
TEXT = b"It was on a dreary night of November.\n" * 60
DIGEST = hashlib.sha256(TEXT).hexdigest()
TINY = ("tracking=none", "model.hidden_size=4", "model.embedding_dim=2", "training.max_steps=5", "sampling.length=9",
        "optimizer.warmup_steps=0", "optimizer.learning_rate=0.05", "training.batch_size=2",
        "training.sequence_length=3", "name=x")  # fmt: skip


class Site:
    """A server on this machine, and the paths that it was asked for."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.asked: list[str] = []


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(TEXT)))
            self.end_headers()
            self.wfile.write(TEXT)

        def log_message(self, format: str, *args: object) -> None:
            pass

    monkeypatch.setenv("CHARRNN_DATA_DIR", str(tmp_path / "data"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Site(f"http://127.0.0.1:{server.server_port}/novel.txt")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


def write_example(folder: Path, **changes: Any) -> str:
    """Put the example with other facts into a folder of YAML groups; return the folder."""
    values = yaml.safe_load(EXAMPLE.read_text(encoding="ascii")) | changes
    (folder / "dataset").mkdir(parents=True)
    (folder / "dataset/novel.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    return str(folder)


@pytest.mark.slow
def test_a_wrong_checksum_or_size_ends_with_3_and_one_line(program: Program, site: Site, tmp_path: Path) -> None:
    wrong: list[dict[str, Any]] = [{"num_bytes": len(TEXT) - 1}, {"checksum": "sha256:" + "0" * 64}]
    for i, changes in enumerate(wrong):
        facts = {"urls": [site.address], "num_bytes": len(TEXT), "checksum": f"sha256:{DIGEST}"} | changes
        folder = write_example(tmp_path / str(i), **facts)
        ended = program.run(tmp_path, "--config-dir", folder, "dataset=novel", *TINY)
        assert ended.returncode == 3
        assert ended.stderr.startswith("charrnn_exp: error: text my_text must be downloaded, got no valid file (127.")
        assert len(ended.stderr.splitlines()) == 1
    assert site.asked == ["/novel.txt"] * 2
    assert not (tmp_path / "outputs").exists()
    assert list((tmp_path / "data").iterdir()) == []


def test_an_address_that_may_not_be_used_is_a_mistake_in_the_settings(
    settings_program: Program, tmp_path: Path
) -> None:
    folder = write_example(tmp_path / "mine", urls=["http://example.org/novel.txt"])
    ended = settings_program.run(tmp_path, "--config-dir", folder, "dataset=novel", "--cfg", "job")
    assert (ended.returncode, len(ended.stderr.splitlines())) == (2, 1)
    assert "dataset.urls must each be an https address (http is for this machine alone)" in ended.stderr


@pytest.mark.slow
def test_a_text_is_fetched_once_and_a_run_folder_alone_fetches_nothing(
    program: Program, site: Site, tmp_path: Path
) -> None:
    facts = {"urls": [site.address], "num_bytes": len(TEXT), "checksum": f"sha256:{DIGEST}"}
    folder = write_example(tmp_path / "mine", **facts)
    for seed in (1, 2):
        trained = program.run(tmp_path, "--config-dir", folder, "dataset=novel", f"seed={seed}", *TINY)
        assert (trained.returncode, trained.stderr) == (0, "")
    assert site.asked == ["/novel.txt"]
    (cached,) = (tmp_path / "data").iterdir()
    assert (cached.name, cached.read_bytes()) == (f"sha256-{DIGEST}", TEXT)
    assert program.run(tmp_path, "evaluate").returncode == 0

    cached.unlink()
    for words in (["evaluate"], ["resume", "training.max_steps=6"]):
        ended = program.run(tmp_path, *words)
        assert (ended.returncode, len(ended.stderr.splitlines())) == (3, 1)
        assert "text my_text must be downloaded, got no mirror to ask. Put it by hand, " in ended.stderr
    assert program.run(tmp_path, "sample").returncode == 0
    file = tmp_path / "mine.txt"
    file.write_bytes(TEXT)
    started = program.run(tmp_path, "dataset=file", f"dataset.path={file}", "training.init_from=latest", *TINY)
    assert started.returncode == 0
    assert site.asked == ["/novel.txt"]
