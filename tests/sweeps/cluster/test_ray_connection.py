"""A Ray cluster that is not there is told in one line, before Ray is imported."""

import socket
import sys

import pytest

from charrnn_exp.config.launchers import RayConfig
from charrnn_exp.errors import MachineError, UserError
from charrnn_exp.sweeps.cluster.ray_connection import find_address, start_ray


def test_nobody_at_the_address_is_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"  # bound, and nobody listens
        was_imported = "ray" in sys.modules  # by another test
        with pytest.raises(MachineError) as caught, start_ray(RayConfig(address=address), num_cores=1):
            pass
    (line,) = caught.value.lines
    assert line.startswith(f"no Ray cluster answers at {address} (")
    assert ("ray" in sys.modules) is was_imported


def test_rays_own_variable_names_the_cluster_where_no_word_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "head:6379")
    assert find_address(RayConfig(address=None)) == "head:6379"
    assert find_address(RayConfig(address="other:1")) == "other:1"
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    with pytest.raises(UserError) as caught, start_ray(RayConfig(address=None), num_cores=1):
        pass
    assert caught.value.lines == ["RAY_ADDRESS must be HOST:PORT of a Ray cluster, got 'auto'."]
    monkeypatch.delenv("RAY_ADDRESS")
    assert find_address(RayConfig(address=None)) is None
