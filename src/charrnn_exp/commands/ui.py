"""`ui` starts the MLflow UI on the run's store and opens the page of the loss curves."""

import os
import signal
import sys
import time
from collections.abc import Sequence
from typing import Any

from charrnn_exp.commands.command import Command, Word
from charrnn_exp.errors import MachineError, UserError, one_line
from charrnn_exp.program import name_program

HOST = "127.0.0.1"
DEFAULT_PORT = 5000
START_SECONDS = 60.0
OPEN = ("true", "false")
PAGE = "#/experiments/{experiment}/runs?workflowType=machine_learning&compareRunsMode=CHART"
"""The charts of all runs. MLflow 3 starts in its GenAI mode, which has none."""


DETAILS = """\
Serves the store in ./mlruns on 127.0.0.1 and prints the page with the loss curves of all runs; Ctrl-C ends it.
With tracking=server the server's own page is printed instead.
"""


def run(words: Sequence[str]) -> None:
    """Serve the local store on 127.0.0.1 until Ctrl-C, or open the server's page with tracking=server.

    `port=5000` (the next free one where it is taken), `open=false` not to open a browser, `tracking.*`.

    Raises:
        CharRNNError: if there is no store yet, or the UI does not start.
    """
    from charrnn_exp.commands.arguments import change_config, parse_arguments
    from charrnn_exp.config.choices import Backend
    from charrnn_exp.config.compose import compose_values
    from charrnn_exp.config.secrets import redact
    from charrnn_exp.tracking.store import DATABASE, find_uri

    parsed = parse_arguments(words, COMMAND)
    port, open_browser = parsed.arguments.get("port"), parsed.arguments.get("open", "true")
    if open_browser not in OPEN:
        raise UserError(f"open must be true or false, got {open_browser!r}.")
    config = change_config(compose_values(parsed.groups), parsed)
    match config.tracking.backend:
        case Backend.none:
            raise UserError("tracking must be local or server for ui, got 'none'.")
        case Backend.server:
            _open(redact(find_uri(config.tracking)).rstrip("/"), config, open_browser)
        case Backend.local:
            if not DATABASE.is_file():
                raise UserError(
                    f"no tracking store at {DATABASE.absolute()}: "
                    f"`{name_program()}` makes the first run; start the UI from the same folder."
                )
            _serve(config, _read_port(port), open_browser)


def _serve(config: Any, port: int, open_browser: str) -> None:
    import subprocess

    from charrnn_exp.tracking.store import MLRUNS, find_uri

    environment = {
        **os.environ,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_LOGGING_LEVEL": "ERROR",
    }
    command = [sys.executable, "-P", "-m", "mlflow", "ui", "--backend-store-uri", find_uri(config.tracking)]
    command += ["--default-artifact-root", (MLRUNS / "artifacts").absolute().as_uri()]
    command += ["--host", HOST, "--port", str(port), "--workers", "1"]
    server = subprocess.Popen(
        command,
        cwd="/",  # uvicorn puts its folder first on the module search path: not one where a user keeps files
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the server must not outlive us
    try:
        address = f"http://{HOST}:{port}"
        _wait_until_up(address, server)
        _open(address, config, open_browser)
        print("Ctrl-C ends it.", flush=True)
        server.wait()
    except KeyboardInterrupt:
        print()
    finally:
        server.terminate()
        server.wait()


def _open(address: str, config: Any, open_browser: str) -> None:
    import webbrowser

    from charrnn_exp.config.secrets import hide_secrets
    from charrnn_exp.tracking.store import find_existing_experiment

    try:
        experiment = find_existing_experiment(config.tracking)
    except Exception as error:  # MLflow raises its own, requests' and SQLAlchemy's
        raise MachineError(
            f"the tracking store at {address} does not answer ({hide_secrets(one_line(error))[:300]}): "
            "start it, or mend tracking.uri."
        ) from error
    page = PAGE.format(experiment=experiment) if experiment is not None else ""
    print(f"MLflow UI: {address}/{page}", flush=True)
    if open_browser == "true" and (os.environ.get("DISPLAY") or sys.platform == "darwin"):
        webbrowser.open(f"{address}/{page}")


def _wait_until_up(address: str, server: Any) -> None:
    import urllib.error
    import urllib.request

    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/health", timeout=1)
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    server.kill()
    lines = (server.stderr.read() if server.stderr else "").strip().splitlines()
    raise MachineError(
        f"the MLflow UI did not start at {address} ({lines[-1] if lines else 'no answer'}): set another port=N."
    )


def _read_port(typed: str | None) -> int:
    """Return the port typed, or the first free one from 5000 on."""
    import socket

    if typed is not None:
        if not typed.isdecimal() or not 1 <= int(typed) <= 65535:
            raise UserError(f"port must be in [1, 65535], got {typed!r}.")
        return int(typed)
    for port in range(DEFAULT_PORT, DEFAULT_PORT + 100):
        with socket.socket() as attempt:
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                attempt.bind((HOST, port))
                return port
            except OSError:
                continue
    raise MachineError(f"no port from {DEFAULT_PORT} to {DEFAULT_PORT + 99} is free: set port=N.")


COMMAND = Command(
    name="ui",
    order=6,
    summary="compare the runs in the MLflow UI",
    usage="ui [tracking=server] [tracking.*=...] [port=5000] [open=false]",
    details=DETAILS,
    words=(Word("port"), Word("open", lambda: list(OPEN))),
    settings=("tracking.",),
    groups=("tracking",),
    run=run,
)
