"""`sample interactive=true` on a real pseudo-terminal."""

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slow.programs import SOURCE

pytestmark = pytest.mark.slow

OLD = Path(__file__).parents[1] / "data" / "runs_2ffa939"


class Typist:
    """Types on the terminal of the program and reads what it shows."""

    def __init__(self, folder: Path, *words: str, run: str = "averages") -> None:
        master, slave = pty.openpty()
        path = os.pathsep.join([str(SOURCE), *sys.path])
        self.process = subprocess.Popen(
            [sys.executable, "-m", "charrnn_exp", "sample", f"run={run}", "interactive=true", *words],
            cwd=folder, env={**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1", "TERM": "dumb"},
            stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        self.master = master

    def read(self, seconds: float = 60.0) -> str:
        """Return what is shown until the program waits for a line."""
        shown, until = b"", time.monotonic() + seconds
        while time.monotonic() < until:
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    shown += os.read(self.master, 65536)
                except OSError:  # the program has gone
                    break
            elif shown.endswith(b"> "):
                return shown.decode().replace("\r\n", "\n")
        raise AssertionError(f"it does not wait for a line: {shown!r}")

    def type(self, keys: str) -> str:
        """Type keys and return what is shown after their echo."""
        os.write(self.master, keys.encode())
        return self.read()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(OLD / "averages", tmp_path / "averages")
    return tmp_path


@pytest.fixture
def typist(folder: Path) -> Iterator[Typist]:
    typist = Typist(folder, "sampling.length=30", "sampling.prompt=the", "sampling.seed=4")
    yield typist
    typist.process.kill()
    typist.process.wait()
    os.close(typist.master)


def answer(shown: str) -> str:
    """Return what the model wrote: between the echo of the typed line and the next sign."""
    return shown.partition("\n")[2].removesuffix("\n> ")


def test_a_person_and_the_model_write_in_turn(typist: Typist, folder: Path) -> None:
    assert "Type, and the model goes on; :help" in typist.read()
    first = answer(typist.type(" man\n"))
    assert len(first) == 30
    assert answer(typist.type(":text\n")) == f"the man{first}"
    second = answer(typist.type("\n"))
    assert answer(typist.type(":undo\n")) == f"the man{first}"
    assert answer(typist.type("\n")) == second, "the same text, seed and turn"
    typist.type(":undo\n")
    assert answer(typist.type(":temperature 0\n")) == "sampling.temperature = 0.0"
    greedy = answer(typist.type("\n"))
    assert greedy != second
    alone = subprocess.run(
        [sys.executable, "-m", "charrnn_exp", "sample", "run=averages", "sampling.temperature=0", "sampling.length=30",
         f"sampling.prompt=the man{first}"],
        cwd=folder, env={**os.environ, "PYTHONPATH": os.pathsep.join([str(SOURCE), *sys.path])}, text=True,
        capture_output=True,
    )  # fmt: skip
    assert alone.stdout == f"the man{first}{greedy}\n"


def test_mistakes_are_lines_and_the_text_stays(typist: Typist) -> None:
    typist.read()
    before = answer(typist.type(":text\n"))
    for typed, line in {
        "\u4f60": "the text must hold only symbols of the training text, got",
        ":temperature -1": "sampling.temperature must be at least 0",
        ":temprature 1": ":temprature must be a setting of sampling or one of :undo, :text, :new, :help, :quit - did",
        ":beams 3": "beams must be given where the conversation starts",
    }.items():
        assert f"charrnn_exp: error: {line}" in " ".join(typist.type(f"{typed}\n").split()), typed
    assert answer(typist.type(":text\n")) == before
    assert answer(typist.type(":undo\n")) == "there is nothing to undo"


def test_a_seed_a_stop_text_and_the_arrow_keys_do_what_they_say(typist: Typist) -> None:
    typist.read()
    first = answer(typist.type(" man\n"))
    typist.type(":new\n")
    assert answer(typist.type(" man\n")) == first
    typist.type(":new\n")
    typist.type(":seed 5\n")
    assert answer(typist.type(" man\n")) != first
    typist.type(":new\n")
    typist.type(":seed 4\n")
    typist.type(":stop e\n")
    stopped = answer(typist.type(" man\n"))
    assert stopped == first[: first.index("e") + 1]
    typist.type(":stop null\n")
    typist.type(":new\n")
    again = typist.type("\x1b[A\x1b[A\x1b[A\n")  # up to " man"
    assert again.rstrip("> \n").endswith(first.rstrip())


def test_control_c_stops_the_model_and_control_d_ends(typist: Typist) -> None:
    typist.read()
    typist.type(":length 1000000\n")
    os.write(typist.master, b"\n")
    begun = b""
    while len(begun) < 200:
        assert select.select([typist.master], [], [], 60)[0]
        begun += os.read(typist.master, 65536)
    os.kill(typist.process.pid, signal.SIGINT)
    shown = begun.decode().replace("\r\n", "\n") + typist.read()
    assert 200 < len(shown) < 900_000
    text = answer(typist.type(":text\n"))
    assert re.sub(r"\s", "", text).endswith(re.sub(r"\s", "", answer(shown))[-40:])
    os.write(typist.master, b"\x04")
    assert typist.process.wait(timeout=20) == 0


def test_lines_of_a_pipe_are_answered_one_by_one(folder: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "charrnn_exp", "sample", "run=averages", "interactive=true", "sampling.length=12"],
        input=" a\n:text\n", cwd=folder, env={**os.environ, "PYTHONPATH": os.pathsep.join([str(SOURCE), *sys.path])},
        text=True, capture_output=True,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert " a" in ended.stdout
    assert ">" not in ended.stdout


@pytest.mark.parametrize(("word", "told"), [("unknown=refuse", 1), ("unknown=skip", 0)])
def test_bytes_that_are_no_text_are_a_mistake_or_skipped(word: str, told: int, folder: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "charrnn_exp", "sample", "run=averages", "interactive=true", "sampling.length=12", word],
        input=b"\xff a\n:text\n", cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(SOURCE), *sys.path]), "PYTHONIOENCODING": "utf-8:strict"},
        capture_output=True,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count(b"must hold only symbols of the training text") == told
    assert b"bug" not in ended.stderr
    assert b" a" in ended.stdout if not told else b" a" not in ended.stdout


def test_no_text_that_is_shown_again_commands_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("a\x1b]2;title\x07b\x1b[2J\n" * 300)
    words = [
        "dataset=file",
        "dataset.path=text.txt",
        "tracking=none",
        "training.max_steps=1",
        "sampling.prompt='\x1b['",
    ]
    path = os.pathsep.join([str(SOURCE), *sys.path])
    run = [sys.executable, "-m", "charrnn_exp", *words, "model.hidden_size=8", "training.batch_size=4"]
    subprocess.run(run, cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, check=True, capture_output=True)
    typist = Typist(tmp_path, "sampling.length=200", run="latest")
    try:
        typist.read()
        for command in ("a\n", ":text\n", "\n", ":undo\n"):
            shown = typist.type(command)
            assert "\\x1b" in shown
            assert "\x1b" not in shown
    finally:
        typist.process.kill()
        typist.process.wait()
