"""A tracking server for a team: MLflow with users and passwords, on a PostgreSQL of its own; see docs/teams.md.

    python examples/team_server.py start FOLDER                  runs both until Ctrl-C, on 127.0.0.1
    python examples/team_server.py add FOLDER USER               a user of both; the password is NEW_PASSWORD, or typed
    python examples/team_server.py share FOLDER EXPERIMENT USER  lets a user write into an experiment of somebody else

It needs Debian's package `postgresql` and `charrnn_exp[server]`. FOLDER gets the database, the artifacts, both logs and
`secrets/` (passwords made at the first start, files of mode 0600). No password is an argument or in an address.
"""

import argparse
import base64
import getpass
import json
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
START_SECONDS = 180
MIN_PASSWORD = 12
"""Shortest password that MLflow takes, characters."""
SETUP = r"""
SET log_min_error_statement = panic;  -- no statement with a password gets into the log
SELECT 'CREATE ROLE mlflow LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'mlflow') \gexec
SELECT 'CREATE ROLE team' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'team') \gexec
ALTER ROLE mlflow PASSWORD '{password}';
SELECT format('CREATE DATABASE %I OWNER %I', name, owner)
  FROM (VALUES ('mlflow', 'mlflow'), ('mlflow_auth', 'mlflow'), ('studies', 'team')) AS wanted (name, owner)
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = name) \gexec
REVOKE CONNECT ON DATABASE postgres, mlflow, mlflow_auth, studies FROM PUBLIC;
GRANT CONNECT ON DATABASE studies TO team;
"""
ADD = r"""
SET log_min_error_statement = panic;
SELECT 'CREATE ROLE {user} LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{user}') \gexec
ALTER ROLE {user} PASSWORD '{password}';
GRANT team TO {user};
ALTER ROLE {user} IN DATABASE studies SET role = 'team';  -- what one of them makes is the whole team's
"""
AUTH = """\
[mlflow]
default_permission = {permission}
database_uri = {database}_auth
admin_username = admin
auth_cache_ttl_seconds = 60
"""


class Team:
    """The folder of a server: its secrets, its databases, its programs.

    Args:
        folder: of the server; made where it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.database, self.secrets = self.folder / "database", self.folder / "secrets"
        self.account = pwd.getpwnam("postgres") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        """Owner of the database; PostgreSQL refuses to run as root, so that root's is that of Debian's package."""

    def make(self) -> None:
        """Make the folders; others than the owner of the database see none of it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o711 if os.getuid() == 0 else 0o700)
        for path in (self.database, self.secrets, self.folder / "artifacts"):
            path.mkdir(mode=0o700, exist_ok=True)
        if os.getuid() == 0:
            shutil.chown(self.database, self.account.pw_uid, self.account.pw_gid)

    def read_secret(self, name: str) -> str:
        """Return a secret of the server, made where it is missing."""
        path = self.secrets / name
        if not path.exists():
            write_secret(path, secrets.token_urlsafe(24))
        return path.read_text()

    def read_ports(self) -> dict[str, int]:
        """Return the ports of MLflow and of the database."""
        path = self.folder / "ports.json"
        if not path.exists():
            raise SystemExit(f"{self.folder} must be the folder of a server, got none: start it first.")
        return dict(json.loads(path.read_text()))

    def call(self, name: str, *words: str, text: str | None = None) -> None:
        """Run a program of PostgreSQL as the owner of the database; its output is shown if it fails."""
        found = max(
            Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]), default=None
        )
        if found is None:
            raise SystemExit("PostgreSQL must be installed: sudo apt install postgresql")
        account: dict[str, Any] = {}
        if os.getuid() == 0:
            account = {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}
        # Into a file: a server that is started keeps the output open.
        with (self.folder / "setup.log").open("w+") as log:
            ended = subprocess.run(
                [str(found), *words], input=text, text=True, stdout=log, stderr=log, cwd="/", check=False, **account
            )
            if ended.returncode != 0:
                log.seek(0)
                raise SystemExit(f"{name} failed:\n{log.read()}")

    def query(self, statements: str) -> None:
        """Run statements as the owner of the database, who is known by the socket and needs no password."""
        port = str(self.read_ports()["database"])
        words = ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", str(self.database), "-p", port, "-d", "postgres"]
        self.call("psql", *words, text=statements)

    def ask(self, path: str, method: str = "POST", **values: str) -> dict[str, Any]:
        """Ask MLflow as its admin: with values, to write; return the answer, which names the error if it refuses."""
        credentials = base64.b64encode(f"admin:{self.read_secret('admin')}".encode()).decode()
        request = urllib.request.Request(
            f"http://{HOST}:{self.read_ports()['mlflow']}/api/{path}",
            data=json.dumps(values).encode() if values else None,
            method=method if values else "GET",
            headers={"Authorization": f"Basic {credentials}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                raw = answer.read()
        except urllib.error.HTTPError as error:
            raw = error.read()
            if b"error_code" not in raw:
                raise SystemExit(f"MLflow refused: {error.code} {raw.decode()[:200]}") from error
        except OSError as error:
            raise SystemExit(f"MLflow does not answer ({error}): start the server first.") from error
        return dict(json.loads(raw)) if raw.strip() else {}


def start(team: Team, arguments: argparse.Namespace) -> None:
    """Run PostgreSQL and MLflow until Ctrl-C or SIGTERM."""
    team.make()
    ports = {"mlflow": arguments.port, "database": arguments.database_port}
    (team.folder / "ports.json").write_text(json.dumps(ports))
    if not (team.database / "PG_VERSION").exists():
        team.call("initdb", "-D", str(team.database), "--auth-local=peer", "--auth-host=scram-sha-256", "-E", "UTF8")
    options = f"-p {ports['database']} -k {team.database} -c listen_addresses={HOST}"
    log = str(team.database / "postgresql.log")
    team.call("pg_ctl", "-D", str(team.database), "-o", options, "-l", log, "-w", "start")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        team.query(SETUP.format(password=team.read_secret("database")))
        serve_mlflow(team, arguments)
    except KeyboardInterrupt:
        print("\nstopped", flush=True)
    finally:
        team.call("pg_ctl", "-D", str(team.database), "-m", "fast", "-w", "stop")


def serve_mlflow(team: Team, arguments: argparse.Namespace) -> None:
    """Run MLflow until it ends or this process is told to."""
    address = f"http://{HOST}:{arguments.port}"
    database = f"postgresql+psycopg://mlflow@{HOST}:{arguments.database_port}/mlflow"
    (team.folder / "auth.ini").write_text(AUTH.format(permission=arguments.permission, database=database))
    passwords = team.secrets / "pgpass"
    write_secret(passwords, f"*:*:*:mlflow:{team.read_secret('database')}\n")
    command = [sys.executable, "-P", "-m", "mlflow", "server", "--app-name", "basic-auth"]
    command += ["--backend-store-uri", database, "--artifacts-destination", str(team.folder / "artifacts")]
    command += ["--host", HOST, "--port", str(arguments.port), "--workers", str(arguments.workers)]
    if arguments.host_name is not None:  # requests for other names are refused, against pages that ask in one's name
        command += ["--allowed-hosts", f"{arguments.host_name},localhost:*,{HOST}:*"]
        command += ["--cors-allowed-origins", f"https://{arguments.host_name}"]
    environment = {
        **os.environ,
        "PGPASSFILE": str(passwords),
        "MLFLOW_AUTH_CONFIG_PATH": str(team.folder / "auth.ini"),
        "MLFLOW_AUTH_ADMIN_PASSWORD": team.read_secret("admin"),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": team.read_secret("flask"),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    with (team.folder / "mlflow.log").open("a") as log:
        server = subprocess.Popen(command, cwd="/", env=environment, stdout=log, stderr=log)
        try:
            wait_until_up(address, server, team.folder / "mlflow.log")
            print(f"MLflow: {address}, user admin, password in {team.secrets / 'admin'}", flush=True)
            print(f"studies of searches: postgresql://USER@{HOST}:{arguments.database_port}/studies", flush=True)
            print("Ctrl-C ends both.", flush=True)
            server.wait()
        finally:
            server.terminate()
            server.wait()
    raise SystemExit(f"MLflow ended by itself: see {team.folder / 'mlflow.log'}")


def wait_until_up(address: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    """Return when MLflow answers."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/health", timeout=1).close()
            if server.poll() is None:
                return
        except OSError:
            time.sleep(0.2)
    raise SystemExit(f"MLflow did not start at {address}: see {log}")


def add(team: Team, arguments: argparse.Namespace) -> None:
    """Make a user of MLflow, and of the database `studies` with the same password; one who is there gets a new one."""
    user = arguments.user
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,30}", user) or user in ("admin", "mlflow", "team", "postgres"):
        raise SystemExit(f"USER must be lowercase letters, digits and '_', and not one of the server's, got {user!r}.")
    password = os.environ.get("NEW_PASSWORD") or getpass.getpass(f"password of {user}: ")
    if len(password) < MIN_PASSWORD or not (password.isascii() and password.isprintable()):
        raise SystemExit(f"the password must have at least {MIN_PASSWORD} printable ASCII characters.")
    made = team.ask("2.0/mlflow/users/create", username=user, password=password)
    if is_there := made.get("error_code") == "RESOURCE_ALREADY_EXISTS":
        made = team.ask("2.0/mlflow/users/update-password", "PATCH", username=user, password=password)
    check(made)
    team.query(ADD.format(user=user, password=password.replace("'", "''")))
    print(f"user {user} {'has a new password' if is_there else 'is made'}")


def share(team: Team, arguments: argparse.Namespace) -> None:
    """Give users the permission EDIT of an experiment."""
    name = urllib.parse.quote(arguments.experiment)
    experiment = check(team.ask(f"2.0/mlflow/experiments/get-by-name?experiment_name={name}"))["experiment"]
    for user in arguments.users:
        of = {"username": user, "resource_type": "experiment", "resource_id": experiment["experiment_id"]}
        team.ask("3.0/mlflow/users/permissions/revoke", **of)  # an earlier one; refused if there is none
        check(team.ask("3.0/mlflow/users/permissions/grant", **of, permission="EDIT"))
        print(f"user {user} may write into the experiment {arguments.experiment}")


def check(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer of MLflow that is no refusal; of one its first line is shown, without hashes."""
    if "error_code" in answer:
        raise SystemExit(f"MLflow refused: {str(answer.get('message')).splitlines()[0][:300]}")
    return answer


def write_secret(path: Path, text: str) -> None:
    """Write a file that its owner alone may read, also while it is written."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    unfinished.replace(path)


def main() -> None:
    """Read the words and do what they say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True, metavar="start|add|share")
    for action, words in ((start, []), (add, ["user"]), (share, ["experiment"])):
        verb = verbs.add_parser(action.__name__, help=action.__doc__)
        verb.set_defaults(action=action)
        for word in ("folder", *words):
            verb.add_argument(word)
        if action is share:
            verb.add_argument("users", nargs="+", metavar="user")
        if action is start:
            verb.add_argument("--port", type=int, default=5000, help="of MLflow, default: 5000")
            verb.add_argument("--database-port", type=int, default=5433, help="of PostgreSQL, default: 5433")
            verb.add_argument("--host-name", help="by which a reverse proxy with TLS is reached")
            verb.add_argument("--workers", type=int, default=2, help="processes of MLflow, default: 2")
            verb.add_argument("--permission", default="READ", choices=["READ", "EDIT", "NO_PERMISSIONS"],
                              help="of each user in the experiments of the others, default: READ")  # fmt: skip
    os.umask(0o077)
    arguments = parser.parse_args()
    arguments.action(Team(Path(arguments.folder)), arguments)


if __name__ == "__main__":
    main()
