"""How fast is a sweep, beside one job after another and beside joblib? Alone on the machine, please.

    python -m benchmarks.sweeps jobs --size 128     # 4 to 7 minutes; needs git and the package registry
    python -m benchmarks.sweeps start               # 2 minutes
    python -m benchmarks.sweeps memory              # 3 minutes; Linux

`jobs`: 12 jobs (3 learning rates, 4 seeds) by our launcher, by `hydra/launcher=basic` of commit cce24c3, and by
hydra-joblib-launcher with two jobs at once, with its default threads and with one. Each has a folder and a store of
tracking of its own, and counts from the start of the command to its end. An argument of `--steps` sets the updates of a
job, `--only` some of the four, `--size` the units.

`start`: seconds from the start of each job to its first update, of jobs one by one and two at once.

`memory`: the peak of the memory of all processes (PSS: shared pages count once) in a sweep of 4 and of 40 small jobs.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]
BEFORE = "cce24c3"
STEPS = {64: 400, 128: 300, 256: 100}
"""Updates of a job, by units, that take about 5 s beside start, validation and samples of another 5."""
RATES_AND_SEEDS = ["optimizer.learning_rate=0.001,0.002,0.004", "seed=1,2,3,4"]
SHORT = ["training.max_steps=20", "training.max_val_characters=5000"]
SAMPLE_SECONDS = 0.2
JOBLIB = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]


def run(place: Path, *words: str, source: Path = ROOT, plugins: Path | None = None) -> float:
    """Run a sweep in a folder and return its seconds.

    Args:
        place: that gets outputs and store.
        words: of the command line.
        source: checkout whose program runs.
        plugins: folder of packages beside the environment; None: none.
    """
    began = time.monotonic()
    with started(place, *words, source=source, plugins=plugins) as process:
        process.wait()
    return time.monotonic() - began


@contextmanager
def started(
    place: Path, *words: str, source: Path = ROOT, plugins: Path | None = None
) -> "Iterator[subprocess.Popen[bytes]]":
    """Yield a sweep that has been started in a folder, see `run`; it has ended well after the block, or ends with it.

    Its lines go to output.txt.
    """
    place.mkdir(parents=True, exist_ok=True)
    path = os.pathsep.join(str(each) for each in (plugins, source / "src") if each is not None)
    with open(place / "output.txt", "wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "charrnn_exp", "-m", *words],
            cwd=place,
            env={**os.environ, "PYTHONPATH": path},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # processes of joblib outlive it
    if process.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {process.returncode}:\n{(place / 'output.txt').read_text()}")


def measure_jobs(place: Path, size: int, steps: int, only: list[str]) -> None:
    """Print the jobs an hour of each launcher, and the ratios to ours."""
    words = [f"model.hidden_size={size}", f"training.max_steps={steps}", *RATES_AND_SEEDS]
    rates: dict[str, float] = {}
    with checked_out(place / "before") as before:
        contenders: Mapping[str, tuple[list[str], Path, bool]] = {
            "ours": ([], ROOT, False),
            "basic": ([], before, False),
            "joblib": (JOBLIB, ROOT, True),
            "joblib, one thread": ([*JOBLIB, "training.threads=1"], ROOT, True),
        }
        for name in only:
            more, source, needs_joblib = contenders[name]
            plugins = install_joblib(place / "joblib") if needs_joblib else None
            folder = place / name.replace(" ", "_")
            seconds = run(folder, *words, *more, source=source, plugins=plugins)
            done = [path for path in folder.glob("outputs/*/*/*/*/summary.json") if '"FINISHED"' in path.read_text()]
            rates[name] = 3600 * len(done) / seconds
            line = {"units": size, "launcher": name, "jobs": len(done), "seconds": round(seconds, 1)}
            print(json.dumps(line | {"jobs_an_hour": round(rates[name]), "starts": read_starts(folder)}), flush=True)
    ratios = {name: round(rates["ours"] / rate, 2) for name, rate in rates.items() if "ours" in rates}
    print(json.dumps({"units": size, "ours_against": ratios}), flush=True)


def measure_starts(place: Path, sizes: list[int]) -> None:
    """Print the seconds to the first update of each job."""
    for size in sizes:
        for at_once in (1, 2):
            words = [f"model.hidden_size={size}", *SHORT, f"sweep.jobs={at_once}", "seed=1,2,3,4"]
            folder = place / f"{size}_{at_once}"
            run(folder, *words)
            print(json.dumps({"units": size, "at_once": at_once, "starts": read_starts(folder)}), flush=True)


def measure_memory(place: Path) -> None:
    """Print the peak of the memory of all processes of small sweeps."""
    for num_jobs in (4, 40):
        seeds = ",".join(map(str, range(num_jobs)))
        words = ["model.hidden_size=64", *SHORT, f"seed={seeds}"]
        peak = 0
        with started(place / str(num_jobs), *words) as process:
            while process.poll() is None:
                peak = max(peak, measure_family(process.pid))
                time.sleep(SAMPLE_SECONDS)
        print(json.dumps({"jobs": num_jobs, "peak_mib": round(peak / 2**20)}), flush=True)


def measure_family(pid: int) -> int:
    """Return the bytes of a process and all below it; pages that several have count once."""
    total = 0
    with suppress(psutil.NoSuchProcess):
        first = psutil.Process(pid)
        for process in (first, *first.children(recursive=True)):
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                total += process.memory_full_info().pss
    return total


def read_starts(place: Path) -> list[float]:
    """Return the seconds of each job from its start to its first update, in the order of the jobs.

    The first job of Hydra's own launcher counts from the start of its process.
    """
    paths = sorted(place.glob("outputs/*/*/*/*/summary.json"), key=lambda path: int(path.parent.name))
    return [round(json.loads(path.read_text())["seconds_by_activity"]["start"], 1) for path in paths]


@contextmanager
def checked_out(folder: Path) -> Iterator[Path]:
    """Yield a folder with the checkout of the commit to compare with."""
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*git, "add", "--detach", str(folder), BEFORE], check=True, capture_output=True)
    try:
        yield folder
    finally:
        subprocess.run([*git, "remove", "--force", str(folder)], check=True)


def install_joblib(folder: Path) -> Path:
    """Install hydra-joblib-launcher and joblib in a folder of their own; return it."""
    if not folder.exists():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder)]
        subprocess.run([*command, "hydra-joblib-launcher", "joblib"], check=True)
    return folder


def main() -> None:
    """Print a line of JSON for each measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["jobs", "start", "memory"])
    parser.add_argument("--size", type=int)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--only", nargs="*", default=["ours", "basic", "joblib", "joblib, one thread"])
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="sweeps-", ignore_cleanup_errors=True) as place:
        match arguments.what:
            case "jobs":
                size = arguments.size or 128
                measure_jobs(Path(place), size, arguments.steps or STEPS[size], arguments.only)
            case "start":
                measure_starts(Path(place), [arguments.size] if arguments.size else [128, 512])
            case "memory":
                measure_memory(Path(place))


if __name__ == "__main__":
    main()
