"""What is told of a sweep in MLflow: the best loss of each text, and the settings that group its runs."""

from pathlib import Path

import pytest

from charrnn_exp.sweeps.comparison.comparison import compare_runs
from charrnn_exp.sweeps.publish import describe_best, find_grouping
from tests.sweeps.comparison.runs import Made, make_run


def test_each_text_has_a_best_loss_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text, loss in (("a", "ab", 1.5), ("b", "ab", 1.25), ("c", "cd", 0.5)):
        words = (f"model.hidden_size={5 if name == 'a' else 7}",)
        make_run(Path(name), Made(words=words, text=text * 32, summary={"val_loss": loss}))
    assert describe_best(compare_runs("a,b")) == {"best_val_loss": "1.2500"}
    told = describe_best(compare_runs("a,b,c"))["best_val_loss"]
    assert [part.split(" (")[0] for part in told.split("; ")] == ["1.2500", "0.5000"]
    assert "sha256 cdcdcdcdcdcd" in told


@pytest.mark.parametrize(
    ("swept", "grouping"),
    [
        ({"seed"}, []),
        ({"seed", "model.layers"}, ["model.layers"]),
        ({"model"}, ["model.cell"]),
        ({"model", "model.layers"}, ["model.cell", "model.layers"]),
        ({"dataset", "model"}, ["dataset.name", "model.cell"]),
        ({"tracking"}, []),
    ],
)
def test_a_group_of_options_is_grouped_by_its_setting_with_the_most_values(
    swept: set[str], grouping: list[str]
) -> None:
    """As many texts as cells: three; the width has two values."""
    jobs = [
        {"seed": 1, "model": {"cell": cell, "size": size, "layers": 1}, "dataset": {"name": text}}
        for cell, size, text in (("gru", 5, "a"), ("lstm", 5, "b"), ("rnn", 7, "c"))
    ]
    assert find_grouping(swept, jobs) == grouping
