"""A sweep with each job in a process of its own: real processes, and kills."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from stress.processes import find_alive
from tests.slow.programs import SMALL, TEXT, end
from tests.slow.programs import start as start_verb

pytestmark = pytest.mark.slow
ENDLESS = ["training.epochs=100000", "training.validate_every_steps=100000"]
GONE_AFTER_SECONDS = 5.0


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the text."""
    (tmp_path / "text.txt").write_bytes(TEXT.read_bytes())
    return tmp_path


def start(place: Path, *words: str) -> "subprocess.Popen[str]":
    """Start a run or a sweep of the small model."""
    return start_verb(place, *SMALL, *words)


def find_jobs(place: Path) -> dict[int, psutil.Process]:
    """Return the processes of jobs by number, once each has its log."""
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        try:
            logs = [Path(os.readlink(f"/proc/{process.pid}/fd/1"))]
        except OSError:
            continue
        found |= {int(log.stem[4:]): process for log in logs if log.is_relative_to(place) and log.match("job_*.log")}
    return found


def wait_for_steps(place: Path, *, num_jobs: int) -> None:
    for _ in range(600):
        if len(list(place.glob("outputs/*/*/*/*/checkpoints/step_*"))) >= num_jobs:
            return
        time.sleep(0.2)
    pytest.fail("no job made a checkpoint")


def read_plan(place: Path) -> list[dict[str, object]]:
    plan = sorted(place.glob("outputs/*/*/*/sweep.json"))[-1]
    jobs: list[dict[str, object]] = json.loads(plan.read_text())["jobs"]
    return jobs


def test_a_job_ends_with_the_weights_and_the_baseline_of_a_run_of_one_thread(place: Path) -> None:
    words = ["training.max_steps=4", "training.threads=1"]
    code, out, err = end(start(place, "-m", "training.max_steps=4", "seed=1,2,3", "sweep.jobs=1"))
    assert (code, err) == (0, "")
    assert "job 3/3: seed=3 done: val_loss " in out
    assert "3 of 3 jobs are done" in out
    assert end(start(place, *words, "seed=3", "name=alone"))[0] == 0
    # The third job runs what the first has compiled, and reads the n-grams that were counted for all.
    swept, alone = (next(place.glob(pattern)) for pattern in ("outputs/charrnn/*/*/2", "outputs/alone/*/*"))
    step = Path("checkpoints", "step_0000000004")
    assert (swept / step / "weights.npz").read_bytes() == (alone / step / "weights.npz").read_bytes()
    of_swept, of_alone = (json.loads((run / step / "manifest.json").read_text())["machine"] for run in (swept, alone))
    assert of_swept == of_alone
    assert of_swept["threads"] == "1"
    baselines = [json.loads(path.read_text())["ngram_val_loss"] for path in place.glob("outputs/**/summary.json")]
    assert len(baselines) == 4
    assert len(set(baselines)) == 1
    assert baselines[0] > 0
    assert not list(place.glob("outputs/charrnn/*/*/*.log"))


@pytest.mark.alone
def test_no_process_is_left_5_s_after_the_parent_was_killed(place: Path) -> None:
    process = start(place, "-m", *ENDLESS, "training.checkpoint_every_steps=5", "seed=1,2", "sweep.jobs=2")
    wait_for_steps(place, num_jobs=2)
    family = psutil.Process(process.pid).children(recursive=True)
    assert len(family) >= 3
    process.kill()
    process.communicate(timeout=60)
    assert find_alive(family, GONE_AFTER_SECONDS) == []


@pytest.mark.alone
def test_a_sweep_that_is_killed_while_tensorflow_is_imported_leaves_no_process(place: Path) -> None:
    process = start(place, "-m", *ENDLESS, "seed=1,2")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.readline()  # the folder: the process that imports has been started
    time.sleep(1)
    assert psutil.Process(process.pid).children()
    process.kill()
    began = time.monotonic()
    process.communicate(timeout=60)  # ends when nobody holds the other end of its pipes
    assert time.monotonic() - began < 2.0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_all_jobs_with_checkpoints_that_they_go_on_from(place: Path, number: signal.Signals) -> None:
    process = start(place, "-m", *ENDLESS, "training.checkpoint_every_steps=5", "seed=1,2,3", "sweep.jobs=2")
    wait_for_steps(place, num_jobs=2)
    process.send_signal(number)
    code, _, err = end(process)
    assert code == 128 + number
    assert "stopped with 0 of 3 jobs done" in err
    assert [job["state"] for job in read_plan(place)] == ["stopped", "stopped", "waiting"]
    statuses = [json.loads(path.read_text())["status"] for path in place.glob("outputs/*/*/*/*/summary.json")]
    assert statuses == ["KILLED", "KILLED"]
    folder = next(place.glob("outputs/*/*/*/sweep.json")).parent
    assert f"resume run={folder.relative_to(place)}" in err
    code, out, err = end(start_verb(place, "resume", f"run={folder.relative_to(place)}", "sweep.dry_run=true"))
    assert (code, err) == (0, "")
    assert "2 jobs go on from their checkpoints" in out


def test_jobs_that_miss_their_file_diverge_or_are_killed_leave_the_others_alone(place: Path) -> None:
    """Five jobs, each an experiment. All files are there when they are checked; one is gone when its job starts."""
    rates = {"first": 0.001, "diverges": 1e38, "killed": 0.002, "gone": 0.003, "last": 0.004}
    (place / "conf" / "experiment").mkdir(parents=True)
    for name, rate in rates.items():
        lines = ["# @package _global_", f"optimizer: {{learning_rate: {rate}}}"]
        lines += ["dataset: {split: files, val_path: gone.txt}"] if name == "gone" else []
        (place / "conf" / "experiment" / f"{name}.yaml").write_text("\n".join(lines))
    (place / "gone.txt").write_bytes(TEXT.read_bytes()[::-1])
    words = ["-m", "training.max_steps=400", "--config-dir=conf", f"experiment={','.join(rates)}"]
    process = start(place, *words, "sweep.jobs=1")
    for _ in range(6000):
        if (job := find_jobs(place).get(2)) is not None:
            (place / "gone.txt").unlink()
            job.kill()
            break
        time.sleep(0.02)
    code, out, err = end(process)
    assert code == 3
    assert "2 of 5 jobs are done" in out
    assert "3 of 5 jobs failed" in err
    assert re.search(r"^experiment=diverges +2 +outputs/.*the training diverged", out, re.MULTILINE), out
    assert re.search(r"^experiment=killed +-9 +outputs/.*killed by signal 9", out, re.MULTILINE), out
    assert re.search(r"^experiment=gone +2 +outputs/.*dataset.val_path must be .*gone.txt", out, re.MULTILINE), out
    assert [job["state"] for job in read_plan(place)] == ["done", "failed", "failed", "failed", "done"]
    # The file is there again: the same command runs these three alone; the killed one goes on if it had a checkpoint.
    (place / "gone.txt").write_bytes(TEXT.read_bytes()[::-1])
    code, out, err = end(start(place, *words))
    assert code == 2
    assert out.splitlines()[1].startswith("2 of 5 jobs are done: outputs/")
    assert "1 of 5 jobs failed, first" in err
    assert [job["state"] for job in read_plan(place)] == ["done", "failed", "done", "done", "done"]
    assert [len(job["attempts"]) for job in read_plan(place)] == [1, 2, 2, 2, 1]  # type: ignore[arg-type]
    assert out.count(" done: val_loss") == 2


def test_the_first_failure_ends_a_sweep_that_shall_not_keep_going(place: Path) -> None:
    words = ["optimizer.learning_rate=1e38,0.001", "sweep.jobs=1", "sweep.keep_going=false"]
    code, _, err = end(start(place, "-m", "training.max_steps=40", *words))
    assert code == 2
    assert "1 did not start (sweep.keep_going=false)" in err
    assert [job["state"] for job in read_plan(place)] == ["failed", "waiting"]


def test_a_longer_list_runs_what_is_new_and_another_name_nothing(place: Path) -> None:
    words = ["-m", "training.max_steps=4"]
    assert end(start(place, *words, "seed=1,2"))[0] == 0
    code, out, err = end(start(place, *words, "seed=1,2,3"))
    assert (code, err) == (0, "")
    assert "2 of 3 jobs are done" in out
    assert out.count(" done: val_loss") == 1
    code, out, err = end(start(place, *words, "seed=1,2,3", "name=other", "tracking.tags={a:b}"))
    assert (code, err) == (0, "")
    assert "3 of 3 jobs are done" in out
    assert not (place / "outputs" / "other").exists()
    (place / "text.txt").write_bytes(TEXT.read_bytes()[:-1] + b"!")
    code, out, err = end(start(place, *words, "seed=1,2,3", "sweep.dry_run=true"))
    assert (code, err) == (0, "")
    assert "are done" not in out
    assert out.count("waiting") == 3


def test_a_sweep_whose_parent_was_killed_ends_with_the_losses_of_one_left_alone(place: Path) -> None:
    words = ["-m", "training.max_steps=300", "training.checkpoint_every_steps=20", "seed=1,2", "sweep.jobs=1"]
    process = start(place, *words)
    wait_for_steps(place, num_jobs=1)
    process.kill()
    process.communicate(timeout=60)
    time.sleep(GONE_AFTER_SECONDS)
    folder = next(place.glob("outputs/*/*/*/sweep.json")).parent.relative_to(place)
    code, out, err = end(start_verb(place, "resume", f"run={folder}"))
    assert (code, err) == (0, "")
    assert "jobs go on from their checkpoints" in out
    assert len(list(place.glob("outputs/*/*/*/sweep.json"))) == 1
    assert (place / folder / "comparison.html").is_file()
    assert end(start(place, *words, "name=alone", "sweep.rerun=true"))[0] == 0
    losses = {
        name: sorted(
            (job["val_loss"], job["ngram_val_loss"], job["job_hash"])
            for path in place.glob(f"outputs/{name}/*/*/*/summary.json")
            if (job := json.loads(path.read_text()))["status"] == "FINISHED"
        )
        for name in ("charrnn", "alone")
    }
    assert losses["charrnn"] == losses["alone"]
    assert len(losses["alone"]) == 2


def test_a_launcher_of_hydra_does_not_run_again_what_is_done(place: Path) -> None:
    words = ["-m", "hydra/launcher=basic", "training.max_steps=4"]
    code, out, err = end(start(place, *words, "seed=1,2"))
    assert code == 0, err
    assert "2 of 2 jobs are done, in outputs/" in out
    code, out, err = end(start(place, *words, "seed=1,2,3"))
    assert code == 0, err
    assert "2 of 3 jobs are done: outputs/" in out
    assert out.count("reading text.txt") == 3  # to know the job
    folders = sorted(place.glob("outputs/*/*/*/*/summary.json"))
    assert [folder.parent.name for folder in folders] == ["0", "1", "2"]
    assert [job["folder"] for job in read_plan(place)] == [f"../{folders[0].parents[1].name}/{i}" for i in (0, 1)] + [
        "2"
    ]


def test_a_failure_under_a_launcher_of_hydra_is_told_whatever_the_jobs_are_called(place: Path) -> None:
    words = ["-m", "hydra/launcher=basic", "training.max_steps=40", "tracking.run_name=same"]
    code, _, err = end(start(place, *words, "optimizer.learning_rate=1e38,0.001"))
    assert code == 2
    assert "1 of 2 jobs failed, first 'same': the training diverged" in err
    assert [job["state"] for job in read_plan(place)] == ["failed", "done"]
