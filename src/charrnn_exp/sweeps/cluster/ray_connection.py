"""The connection to a Ray cluster, or a Ray that is started for one sweep: private, and ended with it."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager, nullcontext
from typing import Any, TextIO, cast

from charrnn_exp.config.launchers import HOST, RayConfig
from charrnn_exp.errors import MachineError, UserError, one_line
from charrnn_exp.sweeps.cluster.ray_workers import RayWorkers

CONNECT_SECONDS = 5.0
TOKEN = "it wants another token, see RAY_AUTH_TOKEN, RAY_AUTH_TOKEN_PATH and ~/.ray/auth_token; RAY_AUTH_MODE is token."
PRIVATE = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "token",
    # Ray's own switch for its processes to listen on the loopback address alone.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}
"""Environment of a Ray that is started for a sweep; a token of its own is added."""


@contextmanager
def start_ray(config: RayConfig, *, num_cores: int) -> Iterator[RayWorkers]:
    """Connect to a Ray cluster, or start one on this machine's loopback address, and end the jobs with the block.

    Args:
        config: says which.
        num_cores: of a Ray that is started here.

    Raises:
        UserError: if RAY_ADDRESS is not of this form.
        MachineError: if there is no cluster, or it lets nobody in.
    """
    address = find_address(config)
    if address is not None:
        _check_address(address)
    with _changed_environment({} if address else _make_private()), _kept_signals():
        import ray

        try:
            # Ray puts the current folder on its workers' module search path.
            with chdir("/"), _captured_stderr() as captured:
                ray.init(
                    address=address or "local",
                    num_cpus=None if address else num_cores,
                    include_dashboard=None if address else False,
                    log_to_driver=False,
                    logging_level="error",
                )
        except Exception as error:  # Ray raises its own, Python's and gRPC's
            reason = TOKEN if any("InvalidAuthToken" in line for line in captured) else one_line(error)[:500]
            action = f"use Ray at {address}" if address else "start Ray on this machine"
            raise MachineError(f"cannot {action}: {reason}") from error
    workers, stdout = RayWorkers(ray), sys.stdout
    sys.stdout = cast(TextIO, _WithoutRay(stdout))
    try:
        with nullcontext() if address else _reaping():
            yield workers
    finally:
        workers.close()
        with _kept_signals():
            ray.shutdown()
        sys.stdout = stdout


@contextmanager
def _reaping() -> Iterator[None]:
    """Within the block, let a process end all that this one has started, should it be killed."""
    command = [sys.executable, "-P", "-m", "charrnn_exp.sweeps.cluster.ray_reaper"]
    reaper = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
    try:
        yield
    finally:
        reaper.kill()
        reaper.communicate()


class _WithoutRay:
    """A stream that leaves out the reports that a thread of Ray prints: a node that died is told as the job's.

    Args:
        stream: standard output.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write the text, unless Ray does."""
        is_ray = threading.current_thread().name.startswith("ray_")
        return len(text) if is_ray else self._stream.write(text)


def find_address(config: RayConfig) -> str | None:
    """Return HOST:PORT of the cluster; None: Ray is started here."""
    return config.address or os.environ.get("RAY_ADDRESS") or None


def _check_address(address: str) -> None:
    """Ask whether anybody listens: Ray itself tries for minutes."""
    if not HOST.fullmatch(address):
        raise UserError(f"RAY_ADDRESS must be HOST:PORT of a Ray cluster, got {address!r}.")
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise MachineError(
            f"no Ray cluster answers at {address} ({one_line(error)}): start one with `ray start --head`, or mend the "
            "address."
        ) from error


def _make_private() -> Mapping[str, str]:
    has_token = any(os.environ.get(name) for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"))
    return PRIVATE if has_token else PRIVATE | {"RAY_AUTH_TOKEN": secrets.token_hex(32)}


@contextmanager
def _changed_environment(values: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        for name in values:
            os.environ.pop(name)
            if name in before:
                os.environ[name] = before[name]


@contextmanager
def _kept_signals() -> Iterator[None]:
    """Restore the handlers after the block: Ray sets its own of SIGTERM."""
    is_main = threading.current_thread() is threading.main_thread()  # elsewhere Python allows no handlers
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT) if is_main}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _captured_stderr() -> Iterator[list[str]]:
    """Keep what libraries in C write to standard error within the block; yield a list that has it after the block."""
    sys.stderr.flush()
    lines: list[str] = []
    with tempfile.TemporaryFile() as file:
        stderr = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            yield lines
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            file.seek(0)
            lines += file.read().decode(errors="replace").splitlines()
