"""Whether a shared search loses or repeats trials, and what pruning saves.

    python -m benchmarks.search share [--trials 40]      # needs PostgreSQL's programs
    python -m benchmarks.search prune [--trials 40] [--seeds 1,2,3,4,5]
    python -m benchmarks.search replay [--trials 40]

`share`: two processes work on one study in a PostgreSQL server of their own; one is killed (SIGKILL) in the middle and
started again. It counts the trials that end.

`prune`: for each seed of the random sampler a study with the median pruner, then one of the same trials without: what
was pruned goes on to its end there. It compares the updates and the best losses of both.

`replay`: trains 40 trials without a pruner, then gives their validation losses to pruners in 100 random orders, of so
many trials each: what a pruner saves depends on which trials come first.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from charrnn_exp.config.databases import name_driver
from stress.postgresql import serve_database

UPDATES, VALIDATE_EVERY = 600, 30
NUM_REPLAYED, NUM_ORDERS = 40, 100
SMALL = [
    "tracking=none", "dataset.max_bytes=200000", "model.embedding_dim=8", "model.hidden_size=24",
    "training.batch_size=8", "training.sequence_length=24", "training.max_val_characters=4000", "sampling.length=7",
    "optimizer.learning_rate=tag(log,interval(1e-4,1e-1))", "model.dropout=interval(0,0.5)",
]  # fmt: skip


def start(place: Path, *words: str) -> "subprocess.Popen[str]":
    """Start a search in a folder."""
    command = [sys.executable, "-m", "charrnn_exp", "-m", "hydra/sweeper=optuna", *SMALL, *words]
    return subprocess.Popen(command, cwd=place, stdout=subprocess.PIPE, text=True)


def end(process: "subprocess.Popen[str]") -> str:
    """Return the output of a search that ends well."""
    out, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"a search ended with {process.returncode}:\n{out}")
    return out


def list_trials(address: str, name: str) -> list[FrozenTrial]:
    """Return the trials of a study."""
    trials: list[FrozenTrial] = optuna.load_study(study_name=name, storage=address).get_trials()
    return trials


def measure_sharing(num_trials: int) -> dict[str, Any]:
    """Return how the trials of a shared study ended, of which one process was killed and started again."""
    began = time.monotonic()
    place, password = Path(tempfile.mkdtemp()), "open-sesame-7421"
    os.environ["PGPASSWORD"] = password
    try:
        with serve_database(password) as address:
            words = [
                f"hydra.sweeper.storage={address}", "hydra.sweeper.study_name=shared", "sweep.jobs=1",
                f"hydra.sweeper.n_trials={num_trials}", "training.max_steps=40",
            ]  # fmt: skip
            first, second = (start(place, *words, f"name={name}") for name in ("first", "second"))
            while len(list(place.glob("outputs/first/*/*/*/checkpoints/step_*"))) < num_trials // 8:
                time.sleep(0.05)
            first.kill()
            first.communicate()
            again = start(place, *words, "name=first")
            outputs = [end(each) for each in (second, again)]
            trials = list_trials(name_driver(address), "shared")
            names = [folder.split("/")[1] for trial in trials if (folder := trial.user_attrs.get("folder"))]
            return {
                "trials": num_trials,
                "complete": sum(trial.state is TrialState.COMPLETE for trial in trials),
                "begun": len(trials),
                "repeated": sum("retry_of" in trial.user_attrs for trial in trials),
                "surplus": sum("surplus" in trial.user_attrs for trial in trials),
                "left": sum(trial.state in (TrialState.RUNNING, TrialState.WAITING) for trial in trials),
                "by_process": {name: names.count(name) for name in ("first", "second")},
                "tables": sum("best trials" in out for out in outputs),
                "seconds": round(time.monotonic() - began),
            }
    finally:
        shutil.rmtree(place)


def measure_pruning(num_trials: int, seed: int) -> dict[str, Any]:
    """Return updates and best loss of a study with the median pruner, and of the same trials without."""
    place = Path(tempfile.mkdtemp())
    try:
        words = list_words(num_trials, seed)
        end(start(place, *words, "hydra.sweeper.pruner=median", "hydra.sweeper.study_name=pruned"))
        updates = sum(json.loads(path.read_text())["step"] for path in place.glob("outputs/*/*/*/*/summary.json"))
        end(start(place, *words, "hydra.sweeper.study_name=whole"))
        storage = f"sqlite:///{place}/outputs/charrnn/optuna.db"
        pruned, whole = list_trials(storage, "pruned"), list_trials(storage, "whole")
        assert [trial.params for trial in pruned] == [trial.params for trial in whole]
        return {
            "seed": seed,
            "trials": num_trials,
            "pruned": sum(trial.state is TrialState.PRUNED for trial in pruned),
            "updates": updates,
            "updates_without": sum(trial.state is TrialState.COMPLETE for trial in whole) * UPDATES,
            "best": find_best(pruned),
            "best_without": find_best(whole),
        }
    finally:
        shutil.rmtree(place)


def measure_orders(num_trials: int) -> list[dict[str, Any]]:
    """Return for each number of trials to see before the first is pruned what the median pruner saves and loses."""
    place = Path(tempfile.mkdtemp())
    try:
        end(start(place, *list_words(NUM_REPLAYED, 1), "hydra.sweeper.study_name=whole"))
        trained = list_trials(f"sqlite:///{place}/outputs/charrnn/optuna.db", "whole")
    finally:
        shutil.rmtree(place)
    found = []
    for num_startup in (3, 4, 5):
        orders = [random.Random(i).sample(trained, num_trials) for i in range(NUM_ORDERS)]
        replayed = [replay(order, optuna.pruners.MedianPruner(num_startup)) for order in orders]
        saved, lost = [share for share, _ in replayed], [loss for _, loss in replayed]
        found.append({
            "startup_trials": num_startup, "trials": num_trials, "orders": NUM_ORDERS,
            "saved": round(sum(saved) / NUM_ORDERS, 3), "least_saved": round(min(saved), 3),
            "saved_less_than_0.3": sum(share < 0.3 for share in saved),
            "best_lost": sum(loss > 0 for loss in lost), "most_lost": round(max(lost), 4),
        })  # fmt: skip
    return found


def replay(order: Sequence[FrozenTrial], pruner: Any) -> tuple[float, float]:
    """Return the share of updates that a pruner saves, and by how much the best loss is worse for it."""
    study, updates = optuna.create_study(pruner=pruner), 0
    for trained in order:
        trial = study.ask()
        for step, loss in sorted(trained.intermediate_values.items()):
            trial.report(loss, step)
            if trial.should_prune():
                study.tell(trial, state=TrialState.PRUNED)
                updates += step
                break
        else:
            study.tell(trial, trained.value)
            updates += UPDATES
    return 1 - updates / (UPDATES * len(order)), study.best_value - find_best(order)


def list_words(num_trials: int, seed: int) -> list[str]:
    """Return the words of a study of random trials, validated often."""
    return [
        f"hydra.sweeper.n_trials={num_trials}", f"hydra.sweeper.seed={seed}", "hydra.sweeper.sampler=random",
        f"training.max_steps={UPDATES}", f"training.validate_every_steps={VALIDATE_EVERY}",
    ]  # fmt: skip


def find_best(trials: Sequence[FrozenTrial]) -> float:
    """Return the lowest loss of the complete trials."""
    return min(float(trial.value) for trial in trials if trial.state is TrialState.COMPLETE)


def main() -> None:
    """Print a line of JSON for each measurement."""
    parser = argparse.ArgumentParser(description="Shared searches and pruning.")
    parser.add_argument("what", choices=["share", "prune", "replay"])
    parser.add_argument("--trials", type=int)
    parser.add_argument("--seeds", default="1,2,3,4,5")
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if arguments.what == "share":
        print(json.dumps(measure_sharing(arguments.trials or 40)), flush=True)
        return
    if arguments.what == "replay":
        for each in measure_orders(arguments.trials or 40):
            print(json.dumps(each), flush=True)
        return
    for seed in map(int, arguments.seeds.split(",")):
        print(json.dumps(measure_pruning(arguments.trials or 40, seed)), flush=True)


if __name__ == "__main__":
    main()
