"""Registered models of MLflow: `models:/NAME@ALIAS` and `models:/NAME/VERSION`, resolved without trust.

A version names a run and a folder among its artifacts. Only a folder that `register` makes is followed, in the store
that was asked; its files are those of a run with one checkpoint, and are read as such.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from charrnn_exp.config.choices import Backend
from charrnn_exp.config.schema import TrackingConfig
from charrnn_exp.config.secrets import hide_secrets, redact
from charrnn_exp.errors import MachineError, UserError, one_line
from charrnn_exp.tracking.access import API, REFUSALS, describe_refusal
from charrnn_exp.tracking.store import DATABASE, find_uri, import_client
from charrnn_exp.tracking.stored_run import Listing, StoredRun, ask_json

PREFIX = "models:/"
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
ALIAS = r"[A-Za-z][A-Za-z0-9_-]{0,99}"
ADDRESS = re.compile(rf"models:/({NAME})(?:@({ALIAS})|/([1-9][0-9]{{0,8}}))")
FOLDER = "registered"
SOURCE = re.compile(rf"runs:/([0-9a-f]{{32}})/({FOLDER}/step_[0-9]{{10}})")
INSIDE = "artifacts/run"
"""The run's files in the model's folder, where MLflow puts an artifact of the name `run`."""


class ModelVersion(NamedTuple):
    """A version of a registered model.

    Args:
        name: of the model.
        version: its number.
        run_id: of the run in the same store.
        folder: of the model among the artifacts of the run.
    """

    name: str
    version: str
    run_id: str
    folder: str


class StoredModel:
    """The run's files in a registered model, as a run in a store.

    Args:
        run: among whose artifacts the model lies.
        version: of the model.
    """

    def __init__(self, run: StoredRun, version: ModelVersion) -> None:
        self.store, self.run_id = run.store, run.run_id
        self.tags: Mapping[str, str] = {}
        self._run, self._place = run, f"{version.folder}/{INSIDE}"

    def list_folder(self, folder: str) -> Listing:
        """Return what lies in a folder of the model's run."""
        return self._run.list_folder(f"{self._place}/{folder}" if folder else self._place)

    def read_file(self, path: str) -> Iterator[bytes]:
        """Yield the bytes of a file of the model's run."""
        return self._run.read_file(f"{self._place}/{path}")


def find_version(tracking: TrackingConfig, address: str, *, key: str) -> ModelVersion:
    """Return the version that an address names.

    Args:
        tracking: settings of the store.
        address: as typed.
        key: the word or setting it was typed for, for the messages.

    Raises:
        UserError: if it is no address of a registered model, or the store has none of it, or it is of another program.
        MachineError: if the store does not answer.
    """
    match = ADDRESS.fullmatch(address)
    if match is None:
        raise UserError(
            f"{key} must be {PREFIX}NAME@ALIAS or {PREFIX}NAME/VERSION, a name of at most 100 letters, digits, '.', "
            f"'_' and '-', got {address[:200]!r}."
        )
    name, alias, number = match.groups()
    match tracking.backend:
        case Backend.none:
            found, store = None, "a store (tracking=none has none)"
        case Backend.server:
            store = redact(find_uri(tracking))
            found = _ask_server(find_uri(tracking), name, alias, number)
        case Backend.local:
            store = str(DATABASE.absolute())
            found = _ask_database(tracking, name, alias, number) if DATABASE.is_file() else None
    if found is None:
        raise UserError(
            f"{key} must be a model that is registered in {store}, got {address!r}. Another store: tracking=server "
            "tracking.uri=http://HOST:5000."
        )
    source = SOURCE.fullmatch(found["source"])
    if source is None or found["name"] != name or not re.fullmatch("[1-9][0-9]{0,8}", found["version"]):
        raise UserError(
            f"{key} must be a model that `register` made, got {address!r}, whose files are elsewhere: no other place "
            "is followed, and no other model is read."
        )
    return ModelVersion(name, found["version"], source[1], source[2])


def _ask_server(uri: str, name: str, alias: str | None, number: str | None) -> dict[str, str] | None:
    if alias is not None:
        status, answer = ask_json(uri, f"{API}/registered-models/alias", {"name": name, "alias": alias})
    else:
        status, answer = ask_json(uri, f"{API}/model-versions/get", {"name": name, "version": str(number)})
    if status in REFUSALS:
        raise MachineError(describe_refusal(uri, status))
    if answer.get("error_code") in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
        return None
    found = answer.get("model_version")
    if status != 200 or not isinstance(found, dict):
        raise MachineError(f"{redact(uri)} does not answer like an MLflow server ({status}): mend tracking.uri.")
    return {key: str(found.get(key, "")) for key in ("name", "version", "source")}


def _ask_database(tracking: TrackingConfig, name: str, alias: str | None, number: str | None) -> dict[str, str] | None:
    client = open_registry(tracking)
    from mlflow.exceptions import MlflowException

    try:
        found: Any = (
            client.get_model_version_by_alias(name, alias)
            if alias is not None
            else client.get_model_version(name, str(number))
        )
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise MachineError(f"cannot read {DATABASE.absolute()} ({hide_secrets(one_line(error))[:300]}).") from error
    return {"name": str(found.name), "version": str(found.version), "source": str(found.source)}


def open_registry(tracking: TrackingConfig) -> Any:
    """Return an MlflowClient whose registered models are those of the store, whatever MLflow's own variables say."""
    uri = find_uri(tracking)
    return import_client()(tracking_uri=uri, registry_uri=uri)
