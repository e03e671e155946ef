"""A run on a hostile text, whose model the views are made of."""

from pathlib import Path

import pytest

from charrnn_exp.api import compose, run
from charrnn_exp.run_folder.folder import RunFolder
from tests.made_once import find_run_in, make_once

EVIL = '</pre></i>"><script>document.title="taken"</script><img src="http://127.0.0.1:9/x" onerror="alert(1)">'
WORDS = [
    "tracking=none",
    "dataset=file",
    'dataset.path="<i>evil&.txt"',
    "model.hidden_size=5",
    "model.embedding_dim=3",
    "training.batch_size=16",
    "training.sequence_length=50",
    "training.epochs=2",
    "training.checkpoint_every_epochs=1",
    "training.precision=float32",
    "sampling.length=60",
    "optimizer.warmup_steps=0",
]


def make_evil_text(num_lines: int) -> str:
    """Return lines with quotes, brackets, comments, capitals, tabs, markup, and symbols that are hard to show."""
    lines = []
    for i in range(num_lines):
        tabs, end = "\t" * (i % 3), EVIL if i % 9 == 0 else "it"
        lines += [f'{tabs}if (x[{i % 10}] == "a {i}") {{ // MAX_{i % 7} of {end}']
        lines += [f"  y = 'b' + f({'c' * (i % 11)});  }}  e\u0301\u202e\x1b"]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="session")
def viewed_run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Return a run of two epochs with a kept checkpoint of each; the text lies in the folder that outputs/ lies in."""
    return RunFolder(find_run_in(make_once(tmp_path_factory, "viewed", _train)))


def _train() -> None:
    Path("<i>evil&.txt").write_text(make_evil_text(900), encoding="utf-8")
    run(compose(*WORDS))
