"""The pages that a run makes at its end, in its folder and in MLflow."""

from pathlib import Path
from typing import Any

import pytest

from charrnn_exp.api import compose, run
from charrnn_exp.cli import main
from charrnn_exp.experiment.job import Job
from charrnn_exp.experiment.listeners.views import Views
from charrnn_exp.experiment.prepare import prepare_run
from charrnn_exp.experiment.stopwatch import Stopwatch
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.tracking.store import import_client
from charrnn_exp.views.kinds import pages
from tests.viewed_run import WORDS, make_evil_text
from tests.views.kinds.pages import check_page


@pytest.mark.parametrize("fault", ["page", "folder"])
def test_a_page_that_fails_is_left_out_with_a_warning_and_the_others_are_made(
    start: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    """The run is finished by then: no page is worth its loss."""
    words = ["tracking.views=[surprise,embedding,growth]"]
    trained, folder = start(*words), RunFolder(tmp_path / "run")
    folder.create(trained.config, trained.text.corpus.vocabulary)
    if fault == "page":
        monkeypatch.setattr(pages, "MAX_BYTES", 60_000)  # less than surprise needs
        expected = {
            "surprise": "characters must be fewer for kind=surprise, got a page of ",
            "growth": "kind=growth must be given a text of at least 1,000 characters, got 601 ",
        }
    else:
        folder.views.write_text("a file where the folder should be")
        expected = {"surprise": "[Errno 17] ", "embedding": "[Errno 17] ", "growth": "kind=growth must be given "}
    job = Job.of(prepare_run(trained.config), folder, name="a run", began=0.0)
    Views(job, trained.state.network, watch=Stopwatch()).finish()
    told = [record.getMessage() for record in caplog.records if record.name == "charrnn_exp"]
    assert len(told) == len(expected)
    for line, (kind, reason) in zip(told, expected.items(), strict=True):
        assert line.startswith(f"views/{kind}.html is left out: {reason}")
    if fault == "page":
        assert [path.name for path in folder.views.iterdir()] == ["embedding.html"]


@pytest.mark.slow
def test_a_run_leaves_its_pages_in_its_folder_and_in_mlflow_and_view_sends_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("<i>evil&.txt").write_text(make_evil_text(60), encoding="utf-8")
    words = [*WORDS, "tracking=local", "tracking.views=[embedding,growth,card,cells]", "training.batch_size=4"]
    folder = RunFolder(Path(run(compose(*words)).folder))
    assert sorted(path.name for path in folder.views.iterdir()) == ["card.html", "embedding.html"]
    for path in folder.views.iterdir():
        check_page(path.read_text(encoding="utf-8"))
    card = (folder.views / "card.html").read_text(encoding="utf-8")
    assert "Status: FINISHED." in card
    log = folder.log.read_text(encoding="utf-8")
    for kind, least in (("cells", "4,000"), ("growth", "1,000")):
        assert f"kind={kind} must be given a text of at least {least} characters" in log
    assert "views" in (folder.read_summary().seconds_by_activity or {})
    run_id = folder.read_tracking()["run_id"]
    client = import_client()(tracking_uri=f"sqlite:///{tmp_path}/mlruns/mlflow.db")

    def list_sent() -> list[str]:
        return [file.path for file in client.list_artifacts(run_id, "views")]

    assert list_sent() == ["views/card.html", "views/embedding.html"]
    assert main(["view", f"run={folder.path}", "kind=surprise", "characters=50", "log=true"]) == 0
    assert list_sent() == ["views/card.html", "views/embedding.html", "views/surprise.html"]
    assert capsys.readouterr().out.endswith(f"{folder.views / 'surprise.html'}\n")
