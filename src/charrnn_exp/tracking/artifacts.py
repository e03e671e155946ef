"""The files of a run folder that go to MLflow, and their places there."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from charrnn_exp.config.choices import LogCheckpoints
from charrnn_exp.run_folder.checkpoint import MANIFEST, TRAINING, WEIGHTS
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.run_folder.folder import RunFolder

MAX_TRIES = 20
"""Of copying the newest checkpoint, which a fast run soon replaces."""


def list_artifacts(folder: RunFolder, checkpoints: CheckpointStore, which: LogCheckpoints) -> dict[Path, str]:
    """Return the paths in the run folder that go to MLflow, each with its artifact folder."""
    of_settings = (folder.config, folder.versions, folder.changes)  # a run without changes has no such file
    files = (*of_settings, folder.vocabulary, folder.parameters, folder.metrics, folder.log, folder.summary)
    artifacts = {path: "" for path in files} | {folder.samples: "samples", folder.plots: "plots"}
    for optional in (folder.profile, folder.views):
        if optional.exists():
            artifacts[optional] = optional.name
    match which, checkpoints.find_all():
        case (LogCheckpoints.none, _) | (_, []):
            return artifacts
        case LogCheckpoints.best, _:
            chosen = [checkpoints.best_or_newest()]
        case LogCheckpoints.all, every:
            chosen = [checkpoint for checkpoint in every if checkpoint.is_kept()]
        case LogCheckpoints.each, [*_, newest]:
            chosen = [checkpoints.best_or_newest(), newest]
    return artifacts | {each.folder: f"checkpoints/{each.folder.name}" for each in chosen}


@contextmanager
def copied_newest(folder: RunFolder, checkpoints: CheckpointStore) -> Iterator[dict[Path, str]]:
    """Give the files that another machine needs to go on from the newest checkpoint, in the order to send them.

    The manifest is the last: a checkpoint in the store that has one is whole. The files are copies that go with the
    block, since the run deletes the checkpoint meanwhile, and lengthens metrics.jsonl: what is longer at the end of a
    request than at its beginning is no HTTP.
    """
    files = (folder.config, folder.versions, folder.changes, folder.vocabulary, folder.metrics, folder.summary)
    own = folder.path / ".sending"
    try:
        for _ in range(MAX_TRIES):
            shutil.rmtree(own, ignore_errors=True)  # also what a kill left
            own.mkdir()
            newest = checkpoints.find_all()[-1].folder
            with suppress(FileNotFoundError):  # it was deleted: there is a newer one
                copies = [Path(shutil.copyfile(newest / name, own / name)) for name in (WEIGHTS, TRAINING, MANIFEST)]
                break
        else:
            raise FileNotFoundError(f"{newest} is not whole")
        # After the checkpoint: the rows must reach it.
        of_run = [Path(shutil.copyfile(path, own / path.name)) for path in files if path.exists()]
        yield {path: "" for path in of_run} | {path: f"checkpoints/{newest.name}" for path in copies}
    finally:
        shutil.rmtree(own, ignore_errors=True)
