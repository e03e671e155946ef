"""Do two checkouts train to the same bytes? Ten settings, a process each, with the final weights and all metrics.

    python benchmarks/same_bytes.py OLD_CHECKOUT [NEW_CHECKOUT]

Both run in this Python, with the libraries of its environment. Compares the arrays of the last checkpoint's weights and
the rows of metrics.jsonl without chars_per_second; prints a line for each setting and exits with 1 if one differs.
Equal bytes are to be expected on one machine only, and only where `numerics` is the same.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SIZES = [
    "tracking=none",
    "dataset.max_bytes=24000",
    "model.hidden_size=48",
    "model.embedding_dim=24",
    "training.batch_size=8",
    "training.sequence_length=32",
    "training.epochs=2",
    "sampling.length=60",
]
SETTINGS = {
    "lstm, bfloat16": ["training.precision=bfloat16"],
    "lstm, float32": ["training.precision=float32"],
    "gru, bfloat16": ["model=gru", "training.precision=bfloat16"],
    "gru, float32": ["model=gru", "training.precision=float32"],
    "rnn, float32": ["model=rnn", "training.precision=float32"],
    "dropouts": ["model.dropout=0.3", "model.input_dropout=0.1", "model.embedding_dropout=0.1"],
    "variational dropout, averages": ["model.dropout=0.3", "model.variational_dropout=true", "training.ema_decay=0.9"],
    "accumulation, jitter, dropped states": [
        "training.gradient_accumulation_steps=3",
        "training.stream_jitter=true",
        "training.drop_state_probability=0.1",
        "model.learn_initial_state=true",
    ],
    "byte text, one-hot": ["dataset.unit=byte", "model.embedding_dim=null"],
    "two layers, tied, residual, norms": [
        "model.num_layers=2",
        "model.tie_embeddings=true",
        "model.residual=true",
        "model.layer_norm=true",
        "optimizer=rmsprop",
    ],
}


def main() -> int:
    """Compare the two checkouts; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path, nargs="?", default=Path(__file__).resolve().parents[1])
    arguments = parser.parse_args()
    num_different = 0
    for name, words in SETTINGS.items():
        old, new = (train(checkout, words) for checkout in (arguments.old, arguments.new))
        num_different += old != new
        print(
            f"{name}: {'the same' if old == new else 'DIFFERENT'}  {old['weights'][:16]} {old['rows']} rows", flush=True
        )
    print(f"{len(SETTINGS) - num_different} of {len(SETTINGS)} settings train to the same bytes")
    return 1 if num_different else 0


def train(checkout: Path, words: list[str]) -> dict[str, str]:
    """Return the hashes of what a run of the checkout ends with."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PYTHONPATH": str(checkout.resolve() / "src"), "PYTHONSAFEPATH": "1"}
        command = [sys.executable, "-m", "charrnn_exp", *SIZES, *words]
        subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
        (run,) = Path(folder, "outputs").glob("*/*/*")
        rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        kept = [{name: value for name, value in row.items() if name != "chars_per_second"} for row in rows]
        weights = sorted(run.glob("checkpoints/step_*/weights.npz"))[-1].read_bytes()
        sample = sorted(run.glob("samples/*.txt"))[-1].read_bytes()
        return {
            "weights": hashlib.sha256(weights).hexdigest(),
            "metrics": hashlib.sha256(json.dumps(kept).encode()).hexdigest(),
            "sample": hashlib.sha256(sample).hexdigest(),
            "rows": str(len(rows)),
        }


if __name__ == "__main__":
    sys.exit(main())
