"""A folder in which a hostile case runs, and the proof that nothing but runs and their tracking came into it."""

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stress.forked import Landing

LINE = re.compile(r"charrnn_exp: (error|warning|note): \S.*")
MEGABYTES = 600
"""What a run that is refused may take; the program without TensorFlow takes a third."""


@dataclass(frozen=True)
class Sandbox:
    """The places of one case.

    Args:
        path: holds `work` (the current folder), `nest` (where canaries go), `tmp` (for temporary files).
    """

    path: Path

    def make(self) -> "Sandbox":
        """Make the folders."""
        for path in (self.work, self.nest, self.tmp):
            path.mkdir(parents=True)
        return self

    @property
    def work(self) -> Path:
        """The current folder of the run."""
        return self.path / "work"

    @property
    def nest(self) -> Path:
        """What is made in here was made by code that must not run."""
        return self.path / "nest"

    @property
    def tmp(self) -> Path:
        """Holds the traceback, where there is one."""
        return self.path / "tmp"

    def fill_in(self, text: str) -> str:
        """Return the text with the place of the canary in it."""
        return text.replace("<canary>", str(self.nest / "canary"))

    def plant(self, files: Mapping[str, str]) -> None:
        """Write files below the current folder."""
        for name, text in files.items():
            path = self.work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.fill_in(text), encoding="utf-8")

    def environment(self) -> dict[str, str]:
        """Return the variables of a run in here."""
        home = self.path.parent / "home"
        home.mkdir(exist_ok=True)
        call = self.fill_in("{_target_: os.mkdir, path: <canary>}")
        return {
            "HOME": str(home),
            "TMPDIR": str(self.tmp),
            "CANARY_CALL": call,
            "CANARY_SECRET": "s3cret-in-environment",
        }

    def photograph(self) -> dict[str, str]:
        """Return all that is there, but what runs write, by path; contents by their hash."""
        found = {}
        for parent, folders, files in os.walk(self.path):
            for name in (*folders, *files):
                path = Path(parent, name)
                if not path.is_relative_to(self.work / "outputs") and not path.is_relative_to(self.work / "mlruns"):
                    found[str(path.relative_to(self.path))] = _describe(path)
        return found

    def find_problems(self, before: Mapping[str, str], landing: Landing, codes: set[int]) -> list[str]:
        """Return what is not as it must be after a run."""
        problems = [] if landing.code in codes else [f"exit code {landing.code}, not {codes}: {landing.err[-200:]}"]
        after = self.photograph()
        changed = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
        changed = [name for name in changed if name not in ("work.out", "work.err")]
        if changed:
            problems.append(f"made, changed or took away {changed[:5]}")
        lines = landing.err.splitlines()
        if bad := [line for line in lines if not LINE.fullmatch(line)]:
            problems.append(f"standard error has {bad[0][:200]!r}")
        if landing.code in (2, 3):
            if not any(line.startswith("charrnn_exp: error: ") for line in lines):
                problems.append("no line says what is wrong")
            if landing.megabytes > MEGABYTES and landing.code == 2:
                problems.append(f"took {landing.megabytes:.0f} MB")
        if "s3cret-in-environment" in landing.out + landing.err:
            problems.append("shows a value of the environment")
        return problems


def _describe(path: Path) -> str:
    if path.is_symlink():
        return f"link to {os.readlink(path)}"
    if path.is_dir():
        return "folder"
    if not path.is_file():
        return "other"
    if path.stat().st_size > 1 << 28:
        return f"{path.stat().st_size} bytes"
    return hashlib.sha256(path.read_bytes()).hexdigest()
