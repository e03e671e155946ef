"""A Ray cluster of several nodes on this machine, each a process tree that may be killed."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

PATIENCE_SECONDS = 120


class RayCluster:
    """A head and further nodes; they end with the block.

    Args:
        folder: for their logs.
        cores: of each node, the head's first.
    """

    def __init__(self, folder: Path, cores: tuple[int, ...]) -> None:
        self._folder, self._cores = folder, cores
        self._ray = tempfile.mkdtemp(prefix="ray_", dir="/tmp")  # a path of at most 107 bytes leads to its sockets
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        self.environment = {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(32),
            "RAY_USAGE_STATS_ENABLED": "0",
        }
        """Of the nodes, and of whoever uses them."""
        self.nodes: list[psutil.Process] = []
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "RayCluster":
        for cores in self._cores:
            self.add_node(cores)
        return self

    def __exit__(self, *_: object) -> None:
        for node, process in zip(self.nodes[::-1], self._processes[::-1], strict=True):
            kill_tree(node)
            process.wait()
        shutil.rmtree(self._ray, ignore_errors=True)

    def add_node(self, cores: int) -> None:
        """Start a node and wait until it has joined; the first is the head."""
        where = [f"--address={self.address}"]
        if not self.nodes:
            where = ["--head", f"--port={self.address.rpartition(':')[2]}", "--include-dashboard=false"]
        log = self._folder / f"node_{len(self.nodes)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "ray.scripts.scripts", "start", *where, f"--num-cpus={cores}", "--block",
                 "--disable-usage-stats", f"--temp-dir={self._ray}"][: None if not self.nodes else -1],
                env=os.environ | self.environment, cwd="/", stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        self._processes.append(process)
        self.nodes.append(psutil.Process(process.pid))
        until = time.monotonic() + PATIENCE_SECONDS
        while "Ray runtime started" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.2)


def kill_tree(process: psutil.Process, name: str = "") -> None:
    """Kill a process and all that it started, or those of a name alone."""
    try:
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for each in family:
        try:
            if name in each.name():
                each.kill()
        except psutil.NoSuchProcess:
            continue
