"""Run folders made by hand, as runs leave them."""

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from charrnn_exp.config.choices import Unit
from charrnn_exp.data.vocabulary import Vocabulary
from charrnn_exp.run_folder.checkpoint import FORMAT, hash_manifest
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.summary import Summary
from charrnn_exp.run_folder.versions import NUMERICS
from tests.conftest import compose_once

SWEEP = Path("outputs/charrnn/2026-01-02/03-04-05-000006")


@dataclass(frozen=True, kw_only=True)
class Made:
    """What differs between the runs of a test.

    Args:
        words: overrides.
        text: sha256 of the text.
        files: hash of the files of a text in several; None: it is one.
        numerics: version of the arithmetic.
        rows: of metrics.jsonl.
        sample: its text.
        summary: fields of the summary.
    """

    words: Sequence[str] = ()
    text: str = "ab" * 32
    files: str | None = None
    numerics: int = NUMERICS
    rows: Sequence[Mapping[str, float]] = ()
    sample: str | None = None
    summary: Mapping[str, Any] = field(default_factory=dict)


def make_run(path: Path, made: Made) -> RunFolder:
    """Write the folder of a finished run of 10 steps, with a checkpoint that has a manifest alone."""
    folder, config = RunFolder(path), compose_once("tracking=none", *made.words)
    folder.create(config, Vocabulary(Unit.char, (10, 97)))
    known: dict[str, Any] = {"status": "FINISHED", "step": 10, "val_loss": 2.0, "num_sessions": 1, "chosen_step": 10}
    if made.sample is not None:
        (folder.samples / "step_10.txt").write_bytes(made.sample.encode())
        known["sample"] = "samples/step_10.txt"
    folder.write_summary(replace(Summary(), **(known | dict(made.summary))))
    checkpoint = folder.checkpoints / "step_0000000010"
    checkpoint.mkdir()
    manifest = {
        "format": FORMAT,
        "step": 10,
        "numerics": made.numerics,
        "vocabulary_sha256": "cd" * 32,
        "dataset": {"sha256": made.text} | ({} if made.files is None else {"files_sha256": made.files}),
    }
    (checkpoint / "manifest.json").write_text(json.dumps(manifest | {"sha256": hash_manifest(manifest)}))
    folder.metrics.write_text("".join(json.dumps(row) + "\n" for row in made.rows))
    return folder


def make_sweep(losses: Mapping[int, Sequence[float]], place: Path = SWEEP) -> list[RunFolder]:
    """Write a sweep: by hidden size the validation losses of the seeds 1, 2, ..., each with blocks around its loss."""
    jobs = [(size, seed, loss) for size, found in losses.items() for seed, loss in enumerate(found, start=1)]
    return [
        make_run(
            place / str(job),
            Made(
                words=(f"model.hidden_size={size}", f"seed={seed}"),
                summary={"val_loss": loss, "block_losses": {"val": list(spread_blocks(loss, job))}},
            ),
        )
        for job, (size, seed, loss) in enumerate(jobs)
    ]


@functools.cache
def spread_blocks(loss: float, seed: int) -> tuple[float, ...]:
    """Return 30 losses of blocks with this mean: what is hard is hard for all, and a little is its own."""
    hard = [((13 * block) % 30 - 14.5) / 30 for block in range(30)]
    own = [((7 * block + 11 * seed) % 30 - 14.5) / 3000 for block in range(30)]
    return tuple(loss + a + b for a, b in zip(hard, own, strict=True))
