"""The files of a run folder that go to MLflow, and their places there."""

from pathlib import Path

from charrnn_exp.config.choices import LogCheckpoints
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.run_folder.folder import RunFolder


def list_artifacts(folder: RunFolder, checkpoints: CheckpointStore, which: LogCheckpoints) -> dict[Path, str]:
    """Return the paths in the run folder that go to MLflow, each with its artifact folder."""
    of_settings = (folder.config, folder.versions, folder.changes)  # a run without changes has no such file
    files = (*of_settings, folder.vocabulary, folder.parameters, folder.metrics, folder.log, folder.summary)
    artifacts = {path: "" for path in files} | {folder.samples: "samples", folder.plots: "plots"}
    if folder.profile.exists():
        artifacts[folder.profile] = "profile"
    match which, checkpoints.find_all():
        case (LogCheckpoints.none, _) | (_, []):
            return artifacts
        case LogCheckpoints.best, _:
            chosen = [checkpoints.best_or_newest()]
        case LogCheckpoints.all, every:
            chosen = [checkpoint for checkpoint in every if checkpoint.is_kept()]
    return artifacts | {each.folder: f"checkpoints/{each.folder.name}" for each in chosen}
