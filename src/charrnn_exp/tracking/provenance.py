"""Versions and git commit of the code that made a run."""

import importlib.metadata
import platform
import subprocess
from pathlib import Path

import charrnn_exp

LIBRARIES = ("tensorflow", "keras", "numpy", "hydra-core", "omegaconf", "mlflow")


def list_versions() -> dict[str, str]:
    """Return the versions of Python, this package and the libraries that may change results."""
    versions = {name: importlib.metadata.version(name) for name in LIBRARIES}
    return {"charrnn_exp": charrnn_exp.__version__, "python": platform.python_version(), **versions}


def read_git_state() -> dict[str, str]:
    """Return commit and dirty state of the checkout of this package; empty where a wheel is installed."""
    package = Path(charrnn_exp.__file__).resolve().parent
    commit = _git(package, "rev-parse", "HEAD")
    if commit is None or _git(package, "ls-files", "--error-unmatch", "__init__.py") is None:
        return {}
    dirty = bool(_git(package, "status", "--porcelain", "--untracked-files=no"))
    return {"mlflow.source.git.commit": commit, "git.commit": commit, "git.dirty": str(dirty).lower()}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        finished = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return finished.stdout.strip()
