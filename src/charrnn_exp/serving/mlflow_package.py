"""A run as the files of an MLflow model."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from charrnn_exp.config.schema import Config
from charrnn_exp.errors import MachineError, UserError
from charrnn_exp.run_folder.checkpoint import MANIFEST, WEIGHTS, Checkpoint
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.serving import orders
from charrnn_exp.tracking.provenance import list_versions
from charrnn_exp.tracking.store import import_client

CODE = Path(__file__).with_name("mlflow_code.py")
REQUIRED = ("mlflow", "tensorflow", "keras", "numpy")
"""Libraries that the model asks for, at their versions. This package is none of them: no index has it, and a stranger
may take its name there."""
EXAMPLE_LENGTH = 100
TYPES = {bool: "boolean", int: "long", float: "double", str: "string"}


def choose_checkpoint(folder: RunFolder, which: str | None) -> Checkpoint:
    """Return the checkpoint of a run that is handed on, whole.

    Args:
        folder: of the run.
        which: last or best, as typed; None: best, which is the last one of a run without validation.

    Raises:
        UserError: if `which` is neither, or it is not of the run's vocabulary.
        MachineError: if there is none, or a file of the run is damaged.
    """
    facts = {"vocabulary_sha256": folder.read_vocabulary().sha256}
    store = CheckpointStore(folder.checkpoints, facts=facts, num_rolling=1)
    if which not in (None, "best", "last"):
        raise UserError(f"checkpoint must be last or best, got {which!r}.")
    if not (found := store.find_all()):
        raise MachineError(f"run {folder.path} has no checkpoint: resume it first.")
    checkpoint = found[-1] if which == "last" else store.best_or_newest()
    store.check_facts(checkpoint)
    checkpoint.read(WEIGHTS)
    return checkpoint


@contextmanager
def packed_model(folder: RunFolder, checkpoint: Checkpoint) -> Iterator[Path]:
    """Give a folder with the model's files, which goes with the block.

    Args:
        folder: of the run.
        checkpoint: of it.
    """
    import_client()
    import mlflow.pyfunc
    import pandas

    from charrnn_exp.serving.mlflow_model import RUN

    config = folder.read_untracked_config()
    prompt = orders.find_defaults(config)[orders.PROMPT]
    with tempfile.TemporaryDirectory() as place:
        own, target = Path(place, RUN), Path(place, "model")
        _copy_run(folder, checkpoint, own)
        example = pandas.DataFrame({"prompt": [prompt or ""]})
        mlflow.pyfunc.save_model(
            target,
            python_model=str(CODE),
            artifacts={RUN: str(own)},
            signature=_describe(config),
            input_example=(example, {"kind": "generate", "length": EXAMPLE_LENGTH}),
            pip_requirements=_pin(checkpoint),
        )
        written = target / "MLmodel"
        text = written.read_text(encoding="utf-8")
        written.write_text(text.replace(str(CODE), CODE.name).replace(str(own), own.name), encoding="utf-8")
        yield target


def _copy_run(folder: RunFolder, checkpoint: Checkpoint, target: Path) -> None:
    """Copy what sampling and scoring read; the folder is that of a run with the weights of one checkpoint alone."""
    place = target / folder.checkpoints.name / checkpoint.folder.name
    place.mkdir(parents=True)
    files = (folder.config, folder.versions, folder.changes, folder.vocabulary, folder.summary)
    for path in files:
        if path.exists():
            shutil.copyfile(path, target / path.name)
    for name in (WEIGHTS, MANIFEST):
        shutil.copyfile(checkpoint.folder / name, place / name)


def _describe(config: Config) -> Any:
    """Return the signature: columns in and out, and the settings of a text with their defaults."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema

    defaults = orders.find_defaults(config)
    params = [ParamSpec("kind", "string", "generate")]
    params += [
        ParamSpec(name, TYPES[kind], defaults[name])
        for name, kind in orders.find_kinds().items()
        if name != orders.PROMPT
    ]
    outputs = [("string", "text"), ("long", "characters"), ("double", "loss"), ("string", "losses")]
    return ModelSignature(
        inputs=Schema([ColSpec("string", "prompt")]),
        outputs=Schema([ColSpec(*each) for each in outputs]),
        params=ParamSchema(params),
    )


def _pin(checkpoint: Checkpoint) -> list[str]:
    """Return the requirements at the versions that made the checkpoint; those of this process for what it lacks."""
    own, of_run = list_versions(), checkpoint.read_manifest().get("versions")
    known = {**own, **(of_run if isinstance(of_run, dict) else {})}
    return [f"{name}=={known[name]}" for name in REQUIRED]
