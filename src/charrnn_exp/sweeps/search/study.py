"""The study of a search: opened in its storage, with sampler and pruner."""

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import StorageInternalError
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError, SQLAlchemyError

from charrnn_exp.config.databases import STORAGE_KEY, name_driver
from charrnn_exp.config.search import Pruner, Search, SearchConfig
from charrnn_exp.config.secrets import hide_secrets, redact
from charrnn_exp.errors import MachineError, UserError, one_line
from charrnn_exp.run_folder.folder import OUTPUTS
from charrnn_exp.sweeps.search.sampler import build_sampler

SQLITE_WAIT_SECONDS = 60
"""For another process that writes."""
CONNECT_SECONDS = 10
OPEN_TRIES = 10
"""Of processes that make the tables side by side, one at a time gets on."""
DIGEST = "settings"
"""The attribute of a study that tells its settings from others."""
MAX_REASON = 300


def name_storage(config: SearchConfig, name: str) -> str:
    """Return the address of the storage.

    Args:
        config: of the search.
        name: of the experiment, the folder below outputs/.
    """
    return name_driver(config.storage) if config.storage else f"sqlite:///{OUTPUTS / name / 'optuna.db'}"


def make_digest(search: Search, first_hash: str) -> str:
    """Return the hash of all that the trials of a study have in common.

    Args:
        search: its space and objectives.
        first_hash: of the job with the first value of each setting.
    """
    config = search.config
    space = sorted([each.key, each.text] for each in search.space)
    facts = [first_hash, space, config.objectives, config.list_directions()]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def open_study(search: Search, storage: str, digest: str, *, first_step: int, last_step: int) -> optuna.Study:
    """Return the study, made where it is missing.

    Args:
        search: of the study.
        storage: its address.
        digest: of its settings.
        first_step: of the first validation, in updates.
        last_step: of a trial.

    Raises:
        UserError: if a study of that name has other settings.
        MachineError: if the storage does not answer.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    config = search.config
    name = config.study_name or f"search-{digest[:12]}"
    with explain_storage(storage):
        study = optuna.create_study(
            storage=open_storage(storage),
            sampler=build_sampler(config, search.space),
            pruner=_build_pruner(config, first_step=first_step, last_step=last_step),
            study_name=name,
            directions=config.list_directions(),
            load_if_exists=True,
        )
        if [each.name.lower() for each in study.directions] != config.list_directions():
            raise UserError(_explain_other(name, storage))
        known = study.user_attrs.get(DIGEST)
        if known is None and not study.get_trials(deepcopy=False):
            study.set_user_attr(DIGEST, digest)
        elif known != digest:
            raise UserError(_explain_other(name, storage))
    return study


@contextmanager
def explain_storage(storage: str) -> Iterator[None]:
    """Turn an error of the storage within the block into one line without secrets.

    Raises:
        MachineError: if the storage does not answer as it should.
    """
    try:
        yield
    except (SQLAlchemyError, StorageInternalError) as error:
        cause: BaseException = error.__cause__ if isinstance(error, StorageInternalError) and error.__cause__ else error
        cause = cause.orig if isinstance(cause, DBAPIError) and cause.orig is not None else cause
        reason = hide_secrets(one_line(cause))[:MAX_REASON]
        raise MachineError(
            f"{STORAGE_KEY} must be a database that answers, got {redact(storage)}: {reason.rstrip('.?! ')}. "
            "The same command goes on with the study."
        ) from None


def _explain_other(name: str, storage: str) -> str:
    return (
        f"hydra.sweeper.study_name must be a study of these settings, got {name!r} in {redact(storage)}, which has "
        "others. Choose another name, or null."
    )


def open_storage(storage: str) -> optuna.storages.RDBStorage:
    """Return the storage of studies, with its tables.

    SQLite has no lock on a row: what is read for a change may be another's when it is written, so that two processes
    get the same waiting trial, and a trial that one has ended runs again. So each transaction there takes the lock on
    writing before it reads.

    Args:
        storage: its address.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: if it does not answer.
    """
    if storage.startswith("sqlite:"):
        Path(storage.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        options: dict[str, Any] = {"connect_args": {"timeout": SQLITE_WAIT_SECONDS}}
    else:
        options = {"connect_args": {"connect_timeout": CONNECT_SECONDS}, "pool_pre_ping": True}
    for i in range(OPEN_TRIES):
        try:
            opened = optuna.storages.RDBStorage(storage, engine_kwargs=options)
        except (IntegrityError, ProgrammingError, OperationalError) as error:
            is_race = isinstance(error, IntegrityError) or "already exists" in str(error)
            if i + 1 == OPEN_TRIES or not is_race:
                raise
            time.sleep(0.2 * (i + 1))
            continue
        if storage.startswith("sqlite:"):
            event.listen(opened.engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        return opened
    raise AssertionError("the last try raises")


def _build_pruner(config: SearchConfig, *, first_step: int, last_step: int) -> Any:
    match config.pruner:
        case Pruner.none:
            return optuna.pruners.NopPruner()
        case Pruner.median:
            return optuna.pruners.MedianPruner(config.pruner_startup_trials, config.pruner_warmup_steps)
        case Pruner.hyperband:
            return optuna.pruners.HyperbandPruner(min_resource=first_step, max_resource=max(first_step, last_step))
    raise AssertionError(config.pruner)
