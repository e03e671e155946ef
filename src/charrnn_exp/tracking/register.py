"""The registration of a model: its files go to the run that made it, and a version with an alias points to them."""

from pathlib import Path
from typing import Any

from charrnn_exp.config.choices import Backend
from charrnn_exp.config.schema import TrackingConfig
from charrnn_exp.config.secrets import hide_secrets, redact
from charrnn_exp.errors import CharRNNError, MachineError, UserError, one_line
from charrnn_exp.tracking.registered import FOLDER, ModelVersion, open_registry
from charrnn_exp.tracking.store import DATABASE, find_uri
from charrnn_exp.tracking.stored_run import find_stored_run


def check_run(tracking: TrackingConfig, run_id: str | None) -> str:
    """Return the MLflow id of a run that its store has.

    Raises:
        UserError: if it has none, or the store lacks it.
        MachineError: if the store does not answer.
    """
    store = redact(find_uri(tracking)) if tracking.backend is Backend.server else str(DATABASE.absolute())
    if tracking.backend is Backend.none or run_id is None:
        raise UserError(
            "run must be a run in MLflow, got one without: a registered model belongs to its run. `resume` with "
            "tracking=local or tracking=server sends it there."
        )
    if find_stored_run(tracking, run_id) is None:
        raise UserError(
            f"run must be a run in {store}, got {run_id}, which is not there. Another store: tracking=server "
            "tracking.uri=http://HOST:5000."
        )
    return run_id


def register_model(
    tracking: TrackingConfig, run_id: str, model: Path, *, step: str, name: str, alias: str
) -> ModelVersion:
    """Send a model and return its version; the same model again is the same version.

    Args:
        tracking: settings of the store.
        run_id: of the run, in the store.
        model: folder of its files.
        step: name of its checkpoint.
        name: of the registered model.
        alias: that is to mean this version, and no other any more.

    Raises:
        MachineError: if the store does not take it.
    """
    folder = f"{FOLDER}/{step}"
    try:
        client = open_registry(tracking)
        client.log_artifacts(run_id, str(model), folder)
        version = _find_or_make(client, name, f"runs:/{run_id}/{folder}", run_id)
        client.set_registered_model_alias(name, alias, version)
    except CharRNNError:
        raise
    except Exception as error:  # MLflow's, requests', SQLAlchemy's
        raise MachineError(
            f"the store did not register {name} ({hide_secrets(one_line(error))[:300]}): mend it, and register again."
        ) from error
    return ModelVersion(name, version, run_id, folder)


def _find_or_make(client: Any, name: str, source: str, run_id: str) -> str:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    for each in client.search_model_versions(f"name = '{name}' and run_id = '{run_id}'"):
        if each.source == source:
            return str(each.version)
    return str(client.create_model_version(name, source, run_id).version)
