"""Files in the current folder that are named like modules: `python -m charrnn_exp` must run none of them."""

import shutil
import signal
from collections.abc import Sequence
from pathlib import Path

import psutil

from stress.canaries import RUN, spread, train_once
from stress.forked import Landing
from stress.hostile_runs import SMALL
from stress.outcome import Outcome
from stress.processes import find_alive, finish, in_pairs, run, start
from stress.sandbox import Sandbox

MODULES = ("tensorflow", "keras", "numpy", "mlflow", "hydra", "omegaconf", "yaml", "rich", "requests", "psutil",
           "filelock", "matplotlib",
           "sitecustomize", "usercustomize", "requests", "sqlalchemy", "alembic", "antlr4", "uvicorn",
           "fastapi", "gunicorn", "flask",
           "json", "typing", "logging", "dataclasses", "argparse", "socket", "tempfile", "subprocess",
           "random", "ast", "inspect",
           "config", "conf", "spy", "evil", "git", "pandas", "sklearn", "scipy", "h5py", "six", "google",
           "charrnn_exp_plugin")  # fmt: skip
"""Libraries that the program uses, or might, and those of Python's own that `python -m` has not read before us."""
NOT_OURS_TO_STOP = ("charrnn_exp", "contextlib", "collections", "functools", "types", "warnings", "pkgutil")
"""`python -m` itself reads these before a line of ours runs: `charrnn-exp` or `python -P -m charrnn_exp` do not."""
OTHERS = {
    "hydra_plugins/evil.py": "<code>",
    "hydra_plugins/evil/__init__.py": "<code>",
    "gunicorn.conf.py": "<code>",
    "conftest.py": "<code>",
    "setup.py": "<code>",
    "matplotlibrc": "backend: module://evil\ntext.usetex: True\naxes.prop_cycle: __import__('os').mkdir('<canary>')\n",
    ".env": "PYTHONSTARTUP=evil.py\n",
    "hydra/config.yaml": "x: {_target_: os.mkdir, path: <canary>}\n",
    "conf/config.yaml": "hydra: {callbacks: {x: {_target_: os.mkdir, path: <canary>}}}\n",
    "config.yaml": "hydra: {callbacks: {x: {_target_: os.mkdir, path: <canary>}}}\n",
    ".hydra/config.yaml": "x: {_target_: os.mkdir, path: <canary>}\n",
    "MLproject": "entry_points: {main: {command: 'touch <canary>'}}\n",
    "pyproject.toml": "[tool.mlflow]\n",
    "alembic.ini": "[alembic]\nscript_location = .\n",
    "env.py": "<code>",
}
CODE = "import os\nos.makedirs('<canary>', exist_ok=True)\nraise SystemExit(77)\n"


UI_SECONDS = 60


def modules(num_cases: int, folder: Path) -> Outcome:
    """Each name alone beside `--cfg job`, then all of them at once beside each verb, a sweep and the UI."""
    outcome = Outcome()
    names = [*(f"{name}.py" for name in MODULES), *(f"{name}/__init__.py" for name in MODULES[:12]), *OTHERS]
    train = [*SMALL, "training.keep_checkpoints=1"]
    verbs = (train, [*train, "-m", "seed=1,2"], ["sample"], ["resume", "training.max_steps=5"], ["repair"], ["ui"])
    num_verbs = max(1, num_cases * len(verbs) // (len(names) + len(verbs))) if num_cases < len(names) else len(verbs)
    chosen = spread(names, max(1, num_cases - num_verbs))
    boxes = [Sandbox(folder / f"name_{i}").make() for i in range(len(chosen))]
    found = in_pairs(
        lambda case: _start_beside(case[0], case[1], ["--cfg", "job"]),
        zip(boxes, ([name] for name in chosen), strict=True),
    )
    for name, problems in zip(chosen, found, strict=True):
        outcome.add(problems, name)
    whole = train_once(folder / "whole") if num_verbs > 2 else None
    for i, words in enumerate(verbs[:num_verbs]):
        box = Sandbox(folder / f"verb_{i}").make()
        if whole is not None:
            shutil.copytree(whole, box.work / RUN)
            shutil.copytree(whole.parents[3] / "mlruns", box.work / "mlruns")
        outcome.add(_start_beside(box, names, words), f"all beside {' '.join(words[-2:])}")
    return outcome


def _start_beside(box: Sandbox, names: Sequence[str], words: Sequence[str]) -> list[str]:
    """Run a verb beside modules, and return what is wrong."""
    box.plant({name: OTHERS.get(name, "<code>").replace("<code>", CODE) for name in names})
    before = box.photograph()
    if words[0] == "ui":
        return [*_serve(box), *box.find_problems(before, Landing(0, "", "", 0, 0), {0})]
    ended = run(words, box.work, box.environment())
    return box.find_problems(before, Landing(ended.returncode, ended.stdout, ended.stderr, 0, 0), {0})


def _serve(box: Sandbox) -> list[str]:
    """Start the UI, look where it and its children listen, end it."""
    process = start(["ui", "open=false"], box.work, box.environment())
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line.startswith("MLflow UI: http://127.0.0.1:"):
        process.kill()
        return [f"the UI said {line!r} {process.communicate()[1][-300:]!r}"]
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    listening = {
        connection.laddr.ip
        for member in family
        for connection in member.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    process.send_signal(signal.SIGTERM)
    _, err = finish(process, UI_SECONDS)
    told = [line for line in err.splitlines() if not line.startswith("charrnn_exp: note: ")]  # the store was copied
    problems = [f"the UI ended with {process.returncode}: {err[-200:]}"] if process.returncode or told else []
    if alive := find_alive(family, 5):
        problems.append(f"{len(alive)} processes of the UI live on")
    return problems if listening == {"127.0.0.1"} else [*problems, f"the UI listens on {sorted(listening)}"]
