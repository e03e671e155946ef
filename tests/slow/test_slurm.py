"""A sweep in submitit's local queue."""

import json
import os
import signal
import stat
from pathlib import Path

import psutil
import pytest

from stress.processes import find_alive
from tests.slow.programs import SMALL, TEXT, end, start, wait_for_checkpoints

pytestmark = pytest.mark.slow
pytest.importorskip("submitit")
LOCAL = ["-m", "hydra/launcher=slurm", "hydra.launcher.cluster=local", "training.threads=1"]
LONG = ["training.epochs=100000", "training.validate_every_steps=100000", "training.checkpoint_every_steps=5"]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the text."""
    (tmp_path / "text.txt").write_bytes(TEXT.read_bytes())
    return tmp_path


def read_jobs(place: Path) -> list[dict[str, object]]:
    (plan,) = place.glob("outputs/charrnn/*/*/sweep.json")
    jobs: list[dict[str, object]] = json.loads(plan.read_text())["jobs"]
    return jobs


def find_job(place: Path, number: int) -> psutil.Process:
    """Return the process whose output goes to the log of a job."""
    for process in psutil.process_iter():
        try:
            log = Path(os.readlink(f"/proc/{process.pid}/fd/1"))
        except OSError:
            continue
        if log.is_relative_to(place) and log.name == f"job_{number}.log":
            return process
    raise AssertionError(f"job {number} does not run")


def test_a_killed_job_is_submitted_again_and_ends_with_the_weights_of_a_local_sweep(place: Path) -> None:
    words = ["training.epochs=100000", "training.max_steps=1500", "training.checkpoint_every_steps=20", "seed=1,2"]
    process = start(place, *SMALL, *LOCAL, *words)
    wait_for_checkpoints(place, 2)
    (folder,) = place.glob("outputs/*/*/*/.submitit_*")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    find_job(place, 1).kill()
    code, out, err = end(process)
    assert (code, err) == (0, "")
    assert out.count("runs again: it is no longer in the queue") == 1
    jobs = read_jobs(place)
    assert [(job["state"], len(job["attempts"])) for job in jobs] == [("done", 1), ("done", 2)]  # type: ignore[arg-type]
    assert not folder.exists()
    assert end(start(place, *SMALL, *words, "-m", "name=here", "sweep.rerun=true", "training.threads=1"))[0] == 0
    ours, theirs = (
        [path.read_bytes() for path in sorted(place.glob(f"outputs/{name}/*/*/*/checkpoints/*1500/weights.npz"))]
        for name in ("charrnn", "here")
    )
    assert len(ours) == 2
    assert ours == theirs


def test_a_signal_stops_the_jobs_with_checkpoints_and_the_same_command_goes_on(place: Path) -> None:
    process = start(place, *SMALL, *LOCAL, *LONG, "seed=1,2")
    wait_for_checkpoints(place, 2)
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    code, _, err = end(process)
    assert (code, "stopped with 0 of 2 jobs done" in err) == (130, True)
    assert [job["state"] for job in read_jobs(place)] == ["stopped", "stopped"]
    statuses = [json.loads(path.read_text())["status"] for path in place.glob("outputs/*/*/*/*/summary.json")]
    assert statuses == ["KILLED", "KILLED"]
    assert find_alive(family, 5) == []
    code, out, _ = end(start(place, *SMALL, *LOCAL, *LONG, "seed=1,2", "sweep.dry_run=true"))
    assert (code, "2 jobs go on from their checkpoints" in out) == (0, True)


def test_a_job_that_cannot_begin_fails_with_the_reason(place: Path) -> None:
    words = ["training.max_steps=4", "seed=1,2", "hydra.launcher.python=/missing/python"]
    code, out, err = end(start(place, *SMALL, *LOCAL, *words))
    assert code == 3
    assert "2 of 2 jobs failed" in err
    assert "did not begin" in out


def test_a_machine_without_slurm_is_one_line(place: Path) -> None:
    words = ["-m", "hydra/launcher=slurm", "training.max_steps=4", "seed=1,2"]
    code, _, err = end(start(place, *SMALL, *words))
    assert (code, len(err.splitlines())) == (3, 1)
    assert "cannot use Slurm on this machine: " in err
