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
MAX_EXPERIMENTS = 10
"""Most experiments whose pages are printed, those that changed last."""
OPEN = ("true", "false")

DETAILS = """\
Serves the store in ./mlruns on 127.0.0.1 and prints the page with the loss curves of each experiment, that of the last
run first; Ctrl-C ends it. With tracking=server the server's own pages are printed instead.
"""


def run(words: Sequence[str]) -> None:
    """Serve the local store on 127.0.0.1 until Ctrl-C, or open the server's page with tracking=server.

    `port=5000` (the next free one where it is taken), `open=false` not to open a browser, `tracking.*`.

    Raises:
        CharRNNError: if there is no store yet, or the UI does not start.
    """
    from charrnn_exp.commands.arguments import change_config, parse_arguments
    from charrnn_exp.commands.port import bind_port
    from charrnn_exp.config.choices import Backend
    from charrnn_exp.config.compose import compose_values
    from charrnn_exp.config.secrets import redact
    from charrnn_exp.streams import write_note
    from charrnn_exp.tracking.store import DATABASE, find_uri, mend_local_store

    parsed = parse_arguments(words, COMMAND)
    if (opens := parsed.arguments.get("open", "true")) not in OPEN:
        raise UserError(f"open must be true or false, got {opens!r}.")
    config = change_config(compose_values(parsed.groups), parsed)
    match config.tracking.backend:
        case Backend.none:
            raise UserError("tracking must be local or server for ui, got 'none'.")
        case Backend.server:
            _open(redact(find_uri(config.tracking)).rstrip("/"), config.tracking, parsed)
        case Backend.local:
            if not DATABASE.is_file():
                raise UserError(
                    f"no tracking store at {DATABASE.absolute()}: "
                    f"`{name_program()}` makes the first run; start the UI from the same folder."
                )
            with bind_port(parsed.arguments.get("port"), HOST, DEFAULT_PORT) as bound:
                port = int(bound.getsockname()[1])
            if (mended := mend_local_store()) is not None:
                write_note(mended)
            _serve(config.tracking, port, parsed)


def _serve(tracking: Any, port: int, parsed: Any) -> None:
    import subprocess
    import tempfile

    from charrnn_exp.tracking.store import find_artifacts, find_uri

    environment = {
        **os.environ,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_LOGGING_LEVEL": "ERROR",
    }
    command = [sys.executable, "-P", "-m", "mlflow", "ui", "--backend-store-uri", find_uri(tracking)]
    command += ["--default-artifact-root", find_artifacts()]
    command += ["--host", HOST, "--port", str(port), "--workers", "1"]
    # A file for what the server says of errors: a pipe that nobody reads would hold it up once it is full.
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            command,
            cwd="/",  # uvicorn puts its folder first on the module search path: not one where a user keeps files
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        ) as server,
    ):
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # the server must not outlive us
        try:
            address = f"http://{HOST}:{port}"
            _wait_until_up(address, server, errors)
            _open(address, tracking, parsed)
            print("Ctrl-C ends it.", flush=True)
            server.wait()
        except KeyboardInterrupt:
            print()
        finally:
            server.terminate()
            server.wait()


def _open(address: str, tracking: Any, parsed: Any) -> None:
    """Print the page of each experiment, and open the first: that of the settings typed, else of the last run."""
    import webbrowser

    from charrnn_exp.config.secrets import hide_secrets
    from charrnn_exp.tracking.pages import find_charts_page
    from charrnn_exp.tracking.store import list_experiments

    try:
        experiments = list_experiments(tracking)
    except Exception as error:  # MLflow raises its own, requests' and SQLAlchemy's
        raise MachineError(
            f"the tracking store at {address} does not answer ({hide_secrets(one_line(error))[:300]}): "
            "start it, or mend tracking.uri."
        ) from error
    is_typed = any(each.key_or_group == "tracking.experiment_name" for each in parsed.settings)
    first = tracking.experiment_name if is_typed else _name_last_experiment()
    ordered = sorted(experiments, key=lambda name: name != first)[:MAX_EXPERIMENTS]
    pages = [find_charts_page(address, experiments[name]) for name in ordered] or [f"{address}/"]
    print(f"MLflow UI: {pages[0]}", flush=True)
    for name, page in zip(ordered[1:], pages[1:], strict=True):
        print(f"experiment {name}: {page}", flush=True)
    if parsed.arguments.get("open", "true") == "true" and (os.environ.get("DISPLAY") or sys.platform == "darwin"):
        webbrowser.open(pages[0])


def _name_last_experiment() -> str | None:
    """Return the MLflow experiment of the run worked on last; None without one."""
    from charrnn_exp.run_folder.finding import list_runs

    for run in reversed(list_runs()):
        if (params := run.read_tracking().get("params")) is not None:
            return str(params.get("tracking.experiment_name"))
    return None


def _wait_until_up(address: str, server: Any, errors: Any) -> None:
    import urllib.error
    import urllib.request

    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/health", timeout=1)
            if server.poll() is None:  # else it is another that answers
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    server.kill()
    server.wait()
    errors.seek(0)
    lines = errors.read().decode(errors="replace").strip().splitlines()
    raise MachineError(
        f"the MLflow UI did not start at {address} ({lines[-1] if lines else 'no answer'}): set another port=N."
    )


COMMAND = Command(
    name="ui",
    order=7,
    summary="compare the runs in the MLflow UI",
    usage="ui [tracking=server] [tracking.*=...] [port=5000] [open=false]",
    details=DETAILS,
    words=(Word("port"), Word("open", lambda: list(OPEN))),
    settings=("tracking.",),
    groups=("tracking",),
    run=run,
)
