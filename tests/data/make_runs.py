"""Make the small run folders of one version of the program, with what that version says of them.

    python tests/data/make_runs.py CHECKOUT NAME [RUN ...]      # a checkout of the version; NAME as in runs_NAME

Each later version of settings or numerics adds its own folder `runs_NAME` beside the older ones; none is made again.
In it: `text.txt`, and for each run (default: all of `RUNS`) its folder and `NAME.json`: the words that resume it and
what the version that made it then printed, sampled and scored. Neither plots nor the lock are kept.
"""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent.resolve()
SMALL = [
    "dataset=file", "dataset.path=text.txt", "tracking=none", "model.embedding_dim=4", "model.hidden_size=8",
    "training.batch_size=3", "training.sequence_length=16", "training.precision=float32", "sampling.length=40",
    "training.keep_checkpoints=1", "training.validate_every_steps=10",
]  # fmt: skip
RUNS: dict[str, list[str]] = {
    "averages": ["training.ema_decay=0.9", "training.max_steps=30", "model.dropout=0.1"],
    "gru": ["model=gru", "optimizer=adam", "optimizer.learning_rate=0.01", "training.max_steps=60"],
    "bytes": ["dataset.unit=byte", "training.max_steps=30"],
    "killed": ["training.epochs=1000", "training.checkpoint_every_steps=20"],
}
MORE_STEPS = 15
NEXT = ["sampling.length=60", "sampling.prompt=the"]
"""Settings of the samples that are compared."""


def main(checkout: Path, name: str, runs: list[str]) -> None:
    """Make `runs_NAME` beside this file, with the code of the checkout."""
    target = HERE / f"runs_{name}"
    target.mkdir()
    (target / "text.txt").write_text(write_text())
    for run in runs or RUNS:
        words = RUNS[run]
        with tempfile.TemporaryDirectory() as place:
            shutil.copy(target / "text.txt", place)
            caller = Caller(checkout, Path(place))
            folder = caller.train([*SMALL, f"name={run}", *words], is_killed=run == "killed")
            shutil.copytree(folder, target / run, ignore=shutil.ignore_patterns("plots", ".lock"))
            (target / f"{run}.json").write_text(json.dumps(describe(caller, folder), indent=2) + "\n")


def write_text() -> str:
    """Return a text of 6,000 characters: few words, in a random order that is always the same."""
    drawn = random.Random(11)
    words = ["the", "cat", "sat", "on", "a", "mat", "and", "saw", "seven", "grey", "mice", "go", "by", "door", "river"]
    lines = [" ".join(drawn.choice(words) for _ in range(drawn.randint(3, 9))) + ".\n" for _ in range(400)]
    return "".join(lines)[:6000]


class Caller:
    """The program of a checkout, called in a folder.

    Args:
        checkout: with src/ and conf/ in it.
        place: current folder of the calls.
    """

    def __init__(self, checkout: Path, place: Path) -> None:
        self.place = place
        self._environment = os.environ | {"PYTHONPATH": str(checkout.resolve() / "src"), "PYTHONSAFEPATH": "1"}

    def call(self, *words: str) -> str:
        """Return the standard output of a call that must succeed."""
        command = [sys.executable, "-m", "charrnn_exp", *words]
        done = subprocess.run(command, cwd=self.place, env=self._environment, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{words}: {done.stderr}")
        return done.stdout

    def train(self, words: list[str], *, is_killed: bool) -> Path:
        """Train one run; return its folder. A killed one ends by SIGKILL when it has a checkpoint."""
        if not is_killed:
            self.call(*words)
        else:
            command = [sys.executable, "-m", "charrnn_exp", *words]
            with subprocess.Popen(command, cwd=self.place, env=self._environment, stdout=subprocess.DEVNULL) as process:
                while not list(self.place.glob("outputs/*/*/*/checkpoints/step_*")):
                    time.sleep(0.01)
                process.send_signal(signal.SIGKILL)
        (config,) = self.place.glob("outputs/*/*/*/config.yaml")
        return config.parent


def describe(caller: Caller, folder: Path) -> dict[str, Any]:
    """Return what the version that made the run says of it, and how it goes on with it."""
    run = f"run={folder.relative_to(caller.place)}"
    said = {
        "evaluate": caller.call("evaluate", run),
        "greedy": caller.call("sample", run, "sampling.temperature=0", *NEXT),
        "drawn": caller.call("sample", run, "sampling.temperature=1", *NEXT),
    }
    resume = [f"training.max_steps={_newest(folder)[0] + MORE_STEPS}"]
    caller.call("resume", run, *resume)
    step, checkpoint = _newest(folder)
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return {
        **said,
        "resume": resume,
        "step": step,
        "val_loss": json.loads((folder / "summary.json").read_text())["val_loss"],
        "metrics": [{key: value for key, value in row.items() if key != "chars_per_second"} for row in rows],
        "weights_sha256": hashlib.sha256((checkpoint / "weights.npz").read_bytes()).hexdigest(),
    }


def _newest(folder: Path) -> tuple[int, Path]:
    path = max((folder / "checkpoints").glob("step_*"))
    return int(path.name.removeprefix("step_")), path


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
