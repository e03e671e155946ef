"""What runs leave behind in a process that makes several: a notebook, a script."""

import gc
from pathlib import Path

import pytest

from charrnn_exp import api
from tests.conftest import SMALL


def count_graphs() -> int:
    gc.collect()
    return sum(type(each).__name__ == "FuncGraph" for each in gc.get_objects())


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_run_leaves_no_graph_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text_file: Path, precision: str
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [*SMALL, "dataset=file", f"dataset.path={text_file}", f"training.precision={precision}"]
    config = api.compose(*words, "training.max_steps=2", "optimizer.warmup_steps=0", "training.ema_decay=0.9")
    counts = []
    for _ in range(2):
        api.run(config)
        counts.append(count_graphs())
    assert counts[1] == counts[0]
