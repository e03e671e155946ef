"""Eight first runs at once in a folder that has no store yet: each makes it or waits for it, and loses nothing."""

import sqlite3
from contextlib import closing
from pathlib import Path

from stress.mlflow_rows import find_mlflow_problems
from stress.outcome import Outcome
from stress.processes import find_folders, finish, start

NUM_PROCESSES = 8
WORDS = (
    "dataset=stdlib",
    "dataset.max_bytes=2700",
    "model.hidden_size=8",
    "model.embedding_dim=4",
    "training.batch_size=4",
    "training.sequence_length=10",
    "training.max_steps=5",
    "optimizer.warmup_steps=0",
    "optimizer.learning_rate=0.05",
    "sampling.length=1",
)


def check(num_cases: int, folder: Path, *, num_processes: int = NUM_PROCESSES) -> Outcome:
    """Start `num_cases` runs in rounds of `num_processes` at once, each round in a fresh folder.

    A start is right if it ends with 0 and an empty stderr, and the store has its run once, FINISHED, with all settings
    and all rows of metrics.jsonl; a round's store must have no run besides.
    """
    outcome = Outcome(figures={"processes at once": num_processes})
    for number in range(max(1, round(num_cases / num_processes))):
        there = folder / f"round_{number}"
        there.mkdir()
        for i, problems in enumerate(_run_round(there, num_processes)):
            outcome.add(problems, f"round {number + 1}, run {i + 1}")
    return outcome


def _run_round(folder: Path, num_processes: int) -> list[list[str]]:
    """Return the problems of each start; the seed tells which run is whose."""
    processes = [start([*WORDS, f"seed={i}"], folder) for i in range(num_processes)]
    ended = [(*finish(process), process.returncode) for process in processes]
    by_seed = {int(run.read_values()["seed"]): run for run in find_folders(folder)}
    uri = f"sqlite:///{folder}/mlruns/mlflow.db"
    found = []
    for i, (_, err, code) in enumerate(ended):
        problems = [f"exit code {code}"] if code else []
        problems += [f"stderr {err[-300:]!r}"] if err else []
        problems += find_mlflow_problems(uri, by_seed[i]) if i in by_seed else ["no run folder"]
        found.append(problems)
    if (num_runs := _count_runs(folder / "mlruns/mlflow.db")) != num_processes:
        found = [[*problems, f"the store has {num_runs} runs"] for problems in found]
    return found


def _count_runs(database: Path) -> int:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return int(connection.execute("select count(*) from runs").fetchone()[0])
