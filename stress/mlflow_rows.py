"""MLflow's books of a run, compared row by row with its folder."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from charrnn_exp.run_folder.changes import describe_changes, read_changes
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.metrics import read_rows
from charrnn_exp.tracking.mlflow_run import CHANGES_TAG
from charrnn_exp.tracking.rows import find_places, has_sections, pick_rows

TIMES = ("chars_per_second",)
"""Metrics that are times: a step that is made again takes another, so only their steps are compared."""
MAX_PARAM_LENGTH = 6000
"""Of MLflow: a longer value is cut."""

Row = tuple[str, int, float]
"""Name, step, value."""


@dataclass(frozen=True)
class Books:
    """What a store has of one run.

    Args:
        num_runs: that carry the label of the run's folder; anything but 1 is wrong.
        status: of the run.
        rows: of all its metrics.
        params: by name.
        changes: tag with the changes of settings since the run began; empty where there is none.
    """

    num_runs: int
    status: str
    rows: list[Row]
    params: dict[str, str]
    changes: str


def find_mlflow_problems(uri: str, run_folder: RunFolder, status: str = "FINISHED") -> list[str]:
    """Return what MLflow has not exactly once of the rows that it should have and of config.yaml, what it has besides,
    a wrong status.

    Params are what the run began with, since MLflow keeps them; what changed since is in a tag. An update that was the
    last of an interrupted session may be there besides.

    Args:
        uri: of the store; a `sqlite:///` file is read without MLflow.
        run_folder: of the run, whose summary.json has the id.
        status: that MLflow must tell.
    """
    run_id = json.loads(run_folder.summary.read_text()).get("run_id")
    if run_id is None:
        return ["summary.json has no run_id"]
    label = "/".join(run_folder.path.absolute().parts).rpartition("/outputs/")[2]
    books = _read_database(uri, run_id, label) if uri.startswith("sqlite:///") else _ask_server(uri, run_id, label)
    if books is None:
        return [f"MLflow has no run {run_id}"]
    problems = [] if books.num_runs == 1 else [f"MLflow has {books.num_runs} runs of {label}"]
    if books.status != status:
        problems.append(f"MLflow says {books.status}, not {status}")
    settings, written = read_settings(run_folder.config), list(read_rows(run_folder.metrics))
    has = has_sections({name for name, _, _ in books.rows})
    picked = _place(pick_rows(written, settings["tracking.log_every_steps"]), has_sections=has)
    # A session that was interrupted may have sent the time of an update that is the first, untimed one of the next.
    timed = ((step, {**dict.fromkeys(TIMES, 0.0), **row} if "train_loss" in row else row) for step, row in written)
    problems += _compare("rows", picked, _count(books.rows), allowed=_place(timed, has_sections=has))
    changes = read_changes(run_folder.changes, run_folder.read_values())
    if books.changes != describe_changes(changes):
        problems.append(f"MLflow has the changes {books.changes!r}, the folder {describe_changes(changes)!r}")
    began = settings | {change.setting: change.old for change in reversed(changes)}
    params = Counter((name, str(value)[:MAX_PARAM_LENGTH]) for name, value in began.items())
    return problems + _compare("params", params, Counter(books.params.items()), allowed=params)


def read_settings(config: Path) -> dict[str, Any]:
    """Return the settings of config.yaml by their dotted names."""
    flat: dict[str, Any] = {}

    def walk(prefix: str, node: Any) -> None:
        if isinstance(node, dict) and node:
            for key, value in node.items():
                walk(f"{prefix}{key}.", value)
        else:
            flat[prefix.removesuffix(".")] = node

    walk("", yaml.safe_load(config.read_text()))
    return flat


def _place(rows: Iterable[tuple[int, Mapping[str, float]]], *, has_sections: bool) -> "Counter[Any]":
    """Return the values of rows with their names and steps in MLflow."""
    values = ((name, step, value) for step, metrics in rows for name, value in metrics.items())
    return _count(
        (*place, value) for name, step, value in values for place in find_places(name, step, has_sections=has_sections)
    )


def _count(rows: Iterable[Row]) -> "Counter[Any]":
    return Counter((name, step, None if name.rpartition("/")[2] in TIMES else value) for name, step, value in rows)


def _compare(what: str, ours: "Counter[Any]", theirs: "Counter[Any]", *, allowed: "Counter[Any]") -> list[str]:
    twice = [key for key, count in theirs.items() if count > 1]
    kinds = {"missing": list(ours - theirs), "too many": list(theirs - allowed), "more than once": twice}
    return [f"{len(keys)} {what} {kind}, one is {keys[0]}" for kind, keys in kinds.items() if keys]


def _read_database(uri: str, run_id: str, label: str) -> Books | None:
    path = uri.removeprefix("sqlite:///")
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as database:
        found = database.execute("select status from runs where run_uuid = ?", [run_id]).fetchone()
        if found is None:
            return None
        (num_runs,) = database.execute(
            "select count(*) from tags where key = 'run_folder' and value = ?", [label]
        ).fetchone()
        rows = database.execute("select key, step, value from metrics where run_uuid = ?", [run_id]).fetchall()
        params = database.execute("select key, value from params where run_uuid = ?", [run_id]).fetchall()
        tags = dict(database.execute("select key, value from tags where run_uuid = ?", [run_id]).fetchall())
    return Books(num_runs, found[0], rows, dict(params), tags.get(CHANGES_TAG, ""))


def _ask_server(uri: str, run_id: str, label: str) -> Books | None:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    client = MlflowClient(tracking_uri=uri)
    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise
    same = client.search_runs([run.info.experiment_id], f"tags.run_folder = '{label}'")
    rows = [
        (name, metric.step, metric.value)
        for name in run.data.metrics
        for metric in client.get_metric_history(run_id, name)
    ]
    return Books(len(same), run.info.status, rows, dict(run.data.params), run.data.tags.get(CHANGES_TAG, ""))
