"""How long jobs will take, by the speed of earlier runs of their size."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from statistics import median
from typing import Any

from charrnn_exp.errors import CharRNNError
from charrnn_exp.machine.tensorflow import count_cores
from charrnn_exp.model.threads import Workers, choose_by_size
from charrnn_exp.run_folder.finding import list_runs

MAX_RUNS = 200
"""Newest runs that are looked at."""
SHAPE = ("batch_size", "sequence_length", "precision")
"""Settings of the training that set its speed, beside its threads and parts."""


@dataclass(frozen=True)
class Rate:
    """The speed of runs of one size.

    Args:
        characters: trained on in a second of updates.
        overhead: seconds of a run that are no updates: start, validation, samples.
    """

    characters: float
    overhead: float


def find_rates(jobs: Sequence[Mapping[str, Any]]) -> list[Rate | None]:
    """Return the middle of the speeds of finished runs of the size of each job; None where there are none.

    Args:
        jobs: their settings as plain values, with their threads and parts.
    """
    wanted = [_describe(values) for values in jobs]
    speeds: dict[str, list[tuple[float, float]]] = {key: [] for key in wanted}
    for folder in list_runs()[-MAX_RUNS:]:
        with suppress(CharRNNError, OSError, KeyError, TypeError):
            summary = folder.read_summary()
            updates = (summary.seconds_by_activity or {}).get("updates")
            if summary.status != "FINISHED" or not summary.chars_per_second or not summary.seconds or updates is None:
                continue
            values = folder.read_values()
            key = _describe(values)
            if key in speeds:
                speeds[key].append((summary.chars_per_second, max(0.0, summary.seconds - updates)))
    return [Rate(*map(median, zip(*speeds[key], strict=True))) if speeds[key] else None for key in wanted]


def _describe(values: Mapping[str, Any]) -> str:
    """Return a text that is equal for runs of one speed."""
    training = values["training"]
    shape = {name: training.get(name) for name in SHAPE}
    threads, parts = training.get("threads"), training.get("parts") or training.get("devices")
    size = values["model"]["hidden_size"]
    if threads is None and parts is None and size is not None:
        threads, parts = choose_by_size(size, training["batch_size"])
    workers = Workers(threads or max(1, count_cores() // (parts or 1)), parts or 1)
    return json.dumps([values["model"], shape, workers], sort_keys=True)
