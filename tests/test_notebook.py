"""`experiment=notebook` against the notebook's own code, at a small size; the full size is in benchmarks/."""

import sys
from pathlib import Path

import pytest

from charrnn_exp.config.compose import compose_jobs
from charrnn_exp.config.reading import to_values

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.mark.slow
def test_loss_by_step_equals_the_notebooks(text_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from notebook_agreement import compare

    sizes = ["model.embedding_dim=8", "model.hidden_size=16", "training.batch_size=4", "training.sequence_length=7"]
    agreement = compare(str(text_file), 30, sizes)
    assert len(agreement.project) == 30
    assert agreement.project[0] > agreement.project[-1]
    assert agreement.worst() < 0.001
    sys.modules.pop("notebook_agreement")


def test_every_setting_is_the_notebooks() -> None:
    values = to_values(compose_jobs(["experiment=notebook"])[0])
    assert values["dataset"] | {"name": "linux", "split": "none", "max_bytes": None} == values["dataset"]
    expected_model = {"cell": "lstm", "embedding_dim": 256, "hidden_size": 1024, "num_layers": 1, "dropout": 0.0}
    assert values["model"] | expected_model == values["model"]
    assert all(value in (None, False, 0.0, {}) for key, value in values["model"].items() if key not in expected_model)
    adam = {"name": "adam", "learning_rate": 1e-3, "schedule": "constant", "clip_norm": None, "weight_decay": None}
    assert values["optimizer"] | adam == values["optimizer"]
    loop = {
        "epochs": 10,
        "batch_size": 64,
        "sequence_length": 100,
        "shuffle": True,
        "stateful": True,
        "checkpoint_every_epochs": 5,
        "precision": "float32",
    }
    assert values["training"] | loop == values["training"]
    assert values["sampling"] | {"length": 4000, "temperature": 1.0, "top_k": None} == values["sampling"]
