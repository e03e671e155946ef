"""The files of a run folder that go to MLflow."""

import shutil
from pathlib import Path

from charrnn_exp.config.choices import LogCheckpoints
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.tracking.artifacts import copied_newest, list_artifacts


def test_a_profile_goes_to_mlflow_where_there_is_one(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    store = CheckpointStore(folder.checkpoints, facts={}, num_rolling=1)
    without = list_artifacts(folder, store, LogCheckpoints.best)
    folder.profile.mkdir()
    assert list_artifacts(folder, store, LogCheckpoints.best) == {**without, folder.profile: "profile"}


def test_what_is_sent_while_the_run_goes_on_stays_as_it_was_when_its_sending_began(tmp_path: Path) -> None:
    """A request whose file grows is longer than it says, and the server refuses the next one."""
    folder = RunFolder(tmp_path)
    checkpoint = folder.checkpoints / "step_0000000003"
    checkpoint.mkdir(parents=True)
    paths = [checkpoint / name for name in ("weights.npz", "training.npz", "manifest.json")]
    paths += [folder.config, folder.versions, folder.changes, folder.vocabulary, folder.metrics, folder.summary]
    for path in paths:
        path.write_text("before")
    with copied_newest(folder, CheckpointStore(folder.checkpoints, facts={}, num_rolling=1)) as sent:
        for path in paths:
            with path.open("a") as file:
                file.write(" and after")
        shutil.rmtree(checkpoint)
        assert sorted(path.name for path in sent) == sorted(path.name for path in paths)
        assert {path.read_text() for path in sent} == {"before"}
    assert list(tmp_path.glob(".*")) == []
