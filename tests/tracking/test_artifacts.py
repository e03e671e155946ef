"""The files of a run folder that go to MLflow."""

from pathlib import Path

from charrnn_exp.config.choices import LogCheckpoints
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.tracking.artifacts import list_artifacts


def test_a_profile_goes_to_mlflow_where_there_is_one(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    store = CheckpointStore(folder.checkpoints, facts={}, num_rolling=1)
    without = list_artifacts(folder, store, LogCheckpoints.best)
    folder.profile.mkdir()
    assert list_artifacts(folder, store, LogCheckpoints.best) == {**without, folder.profile: "profile"}
