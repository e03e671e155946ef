"""The picture is drawn at the end, from the file."""

from pathlib import Path

from charrnn_exp.experiment.listeners.curves import Curves
from charrnn_exp.run_folder.folder import RunFolder
from tests.experiment.listeners.events import EVENTS


def test_only_a_run_that_is_done_has_a_picture_and_asks_for_the_baseline(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    asked: list[int] = []
    folder.plots.mkdir()
    folder.metrics.write_text('{"step": 1, "train_loss": 2.5}\n{"step": 2, "train_loss": 2.25}\n')

    def find_baselines() -> dict[str, float]:
        asked.append(1)
        return {"7-grams": 1.5}

    curves = Curves(folder, title="a run", facts="a text", find_baselines=find_baselines)
    for event in EVENTS:
        curves.hear(event)
    assert (asked, list(folder.plots.iterdir())) == ([], [])
    curves.finish()
    assert asked == [1]
    assert (folder.plots / "loss.png").read_bytes().startswith(b"\x89PNG")
