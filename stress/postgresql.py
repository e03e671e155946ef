"""A PostgreSQL server of its own, for as long as a test or a benchmark needs it."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NOBODY = 65534
"""User and group of the server where this process is root's: PostgreSQL refuses to run as root."""


def find_programs() -> Path | None:
    """Return the folder with Debian's newest programs of PostgreSQL; None where there is none."""
    return max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), default=None)


@contextmanager
def serve_database(password: str) -> Iterator[str]:
    """Run a server on this machine; yield the address of a database, without the password.

    Args:
        password: of its user, who is asked for it.

    Raises:
        RuntimeError: if PostgreSQL is not installed.
    """
    programs = find_programs()
    if programs is None:
        raise RuntimeError("PostgreSQL must be installed: apt-get install postgresql")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = str(found.getsockname()[1])
    folder = Path(tempfile.mkdtemp(prefix=f"postgresql-{port}-"))
    (folder / "password").write_text(password)
    user = _find_user()
    if user:
        for path in (folder, folder / "password"):
            shutil.chown(path, NOBODY, NOBODY)
    data = str(folder / "data")

    def call(name: str, *words: str) -> None:
        environment = os.environ | {"PGPASSWORD": password, "HOME": str(folder)}
        command = [str(programs / name), *words]
        subprocess.run(command, check=True, cwd="/", env=environment, stdout=subprocess.DEVNULL, **user)

    try:
        call("initdb", "-D", data, "-A", "scram-sha-256", "-U", "tester", f"--pwfile={folder / 'password'}", "-N")
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -F"
        call("pg_ctl", "-D", data, "-o", options, "-l", str(folder / "log"), "-w", "start")
        try:
            call("createdb", "-h", "127.0.0.1", "-p", port, "-U", "tester", "studies")
            yield f"postgresql://tester@127.0.0.1:{port}/studies"
        finally:
            call("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder)


def control_server(address: str, *words: str) -> None:
    """Call `pg_ctl` for a server of `serve_database`.

    Args:
        address: of a database of it.
        words: stop -m immediate, or restart, also after a stop.
    """
    programs, port = find_programs(), address.rpartition(":")[2].partition("/")[0]
    assert programs is not None, "it serves"
    (folder,) = Path(tempfile.gettempdir()).glob(f"postgresql-{port}-*")
    command = [str(programs / "pg_ctl"), *words, "-D", str(folder / "data"), "-l", str(folder / "log"), "-w"]
    subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL, **_find_user())


def _find_user() -> dict[str, Any]:
    """Return the options of a process that is not root's."""
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
