"""The identity of a run: a hash of all that determines its numbers, so that no sweep makes them twice."""

import hashlib
import json

from charrnn_exp.config.reading import to_values
from charrnn_exp.experiment.job import Prepared
from charrnn_exp.machine.precision import choose_precision
from charrnn_exp.run_folder.arrays import Arrays
from charrnn_exp.run_folder.versions import NUMERICS, SETTINGS

NAMES = ("name", "tracking", "sweep")
"""Groups and settings that say what a run is called, where it is told, and beside which others it runs."""
PLACES = {"name", "source", "path", "val_path", "test_path", "urls", "num_bytes", "checksum", "member"}
"""Settings of the text that say where it lies; its fingerprint says what it is. Devices say where parts lie."""


def is_of_identity(key: str) -> bool:
    """Return whether the value of a setting is part of the hash.

    >>> is_of_identity("model.hidden_size"), is_of_identity("tracking.uri"), is_of_identity("dataset.path")
    (True, False, False)
    """
    group, _, name = key.partition(".")
    return group not in NAMES and not (group == "dataset" and name in PLACES) and key != "training.devices"


def hash_job(prepared: Prepared, *, threads: int, parts: int, precision: str | None = None) -> str:
    """Return the hash of a new run's settings, text, first weights, versions, threads and parts.

    Args:
        prepared: its inputs.
        threads: of its kernels.
        parts: of its batches that are computed at once.
        precision: of its products; None: that of this machine.
    """
    values = {key: value for key, value in to_values(prepared.config).items() if is_of_identity(key)}
    dataset = {key: value for key, value in values["dataset"].items() if is_of_identity(f"dataset.{key}")}
    training = {
        "threads": threads,
        "parts": parts,
        "precision": precision or choose_precision(prepared.config.training.precision, gpu=False),
        "init_from": None if prepared.initial is None else _hash_arrays(prepared.initial.arrays),
    }
    kept = {key: value for key, value in values["training"].items() if is_of_identity(f"training.{key}")}
    facts = {
        **values,
        "dataset": {**dataset, "fingerprint": prepared.text.corpus.fingerprint.as_dict()},
        "training": kept | training,
        "versions": [SETTINGS, NUMERICS],
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _hash_arrays(arrays: Arrays) -> str:
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(name.encode() + b"\0" + array.tobytes())
    return digest.hexdigest()
