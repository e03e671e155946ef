"""The words of `serve` and `register`: what is wrong with them is said before a model is loaded."""

import socket
from pathlib import Path

import pytest

from charrnn_exp.cli import main
from charrnn_exp.commands.port import NUM_TRIED, bind_port
from charrnn_exp.errors import MachineError, UserError


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("typed", ["0", "65536", "-1", "x", "", " 80", "8e3", "\u0668", "9" * 400])
def test_a_port_that_is_none_is_refused(typed: str) -> None:
    with pytest.raises(UserError, match=r"^port must be in \[1, 65535\]"):
        bind_port(typed, "127.0.0.1", 8000)


@pytest.mark.parametrize("host", ["no such host", "x" * 300, "a..b"])
def test_a_host_that_is_none_is_refused(host: str) -> None:
    with pytest.raises(UserError, match=r"^host must be an address or a name of this machine"):
        bind_port(None, host, 8000)


def test_a_taken_port_is_refused_and_the_next_one_is_found() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(MachineError, match=f"^port {port} of 127.0.0.1 is taken"):
            bind_port(str(port), "127.0.0.1", 8000)
        with bind_port(None, "127.0.0.1", port) as bound:
            assert port < bound.getsockname()[1] < port + NUM_TRIED


@pytest.mark.parametrize(
    "typed", ["", "bard", "bard@", "@x", "a b@x", "../a@x", "a@latest", "a@v3", "a@1x", "a@b@c", "a/b@c"]
)
def test_a_name_to_register_is_a_name_and_an_alias(typed: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["register", *([f"as={typed}"] if typed else [])]) == 2
    assert "error: as must be NAME@ALIAS" in capsys.readouterr().err


def test_without_a_run_there_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["serve"], ["register", "as=bard@champion"]):
        assert main(words) == 2
        assert "error: run must be a run folder, got 'latest', but there is no run below" in capsys.readouterr().err
