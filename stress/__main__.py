"""What goes wrong in real life, done on purpose and counted. `make stress` runs this.

    python -m stress [LINE ...] [--share 1.0] [--again] [--output docs/stress]

Each line of the table is written to OUTPUT.json as soon as it is done, so that the whole may be stopped and goes on
with the lines that are missing; a line counts as done for the version of the program and of the line it was run on.
Ends with 1 if a case was wrong.
"""

import argparse
import ast
import hashlib
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stress.outcome import Outcome

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Line:
    """One line of the table.

    Args:
        claim: what must hold.
        num_cases: of the long form.
        run: from the number of cases and a folder to work in to what came of it.
    """

    claim: str
    num_cases: int
    run: Callable[[int, Path], Outcome]


def list_lines() -> dict[str, Line]:
    """Return the lines in their order."""
    from stress import (
        boundaries,
        canaries,
        cold_starts,
        corruption,
        full_disk,
        fuzz_prompts,
        fuzz_settings,
        fuzz_texts,
        kills,
        outages,
        ray_kills,
        refusals,
        refused_kills,
        saves,
        secrets,
        strange_modules,
        sweep_kills,
        team,
    )

    return {
        "boundaries-float32": Line(
            "from each step of two epochs a new process resumes to the same bytes, float32", 60, boundaries.float32
        ),
        "boundaries-bfloat16": Line("the same, bfloat16", 60, boundaries.bfloat16),
        "kills": Line("kill -9 at random, resumed: the end it would have had, no row twice", 100, kills.kill),
        "sweep-kills": Line(
            "kill -9 of a sweep at random: no process left after 5 s, gone on: the same ends, nothing done twice",
            20,
            sweep_kills.kill,
        ),
        "ray-kills": Line(
            "a node of a Ray cluster killed at random: its jobs go on elsewhere, the same ends, nothing else lost",
            10,
            ray_kills.kill,
        ),
        "kills-in-saves": Line("killed within a save: nothing acknowledged is lost", 1_000, saves.kill_saves),
        "calls-in-saves": Line(
            "each system call of a save fails in 5 ways: exit 3 or no harm, all whole", 1_000, saves.fail_calls
        ),
        "corruptions": Line("newest checkpoint damaged: passed over, never silently wrong", 1_000, corruption.check),
        "signals": Line(
            "SIGINT or SIGTERM, SIGHUP, a closed pipe in turn, at random: code, KILLED, within 10 s, the same end",
            300,
            kills.ask_to_stop,
        ),
        "cold-starts": Line("8 first runs at once on a fresh store, 20 times", 160, cold_starts.check),
        "outages": Line("MLflow away in every way: one warning, no wait, nothing missing", 24, outages.check),
        "fuzz-settings": Line("any settings: right exit code, no traceback, no hang", 2_000, fuzz_settings.check),
        "fuzz-texts": Line("any text", 1_000, fuzz_texts.check),
        "fuzz-prompts": Line("any prompt and sampling settings", 1_000, fuzz_prompts.check),
        "canaries-settings": Line("no setting or file of settings runs code or leads out", 1_200, canaries.settings),
        "canaries-runs": Line("no changed run folder runs code or leads out", 1000, canaries.runs),
        "canaries-modules": Line("no file in the current folder is taken for a module", 100, strange_modules.modules),
        "secrets": Line("no secret is written, sent or said", 50, secrets.secrets),
        "refusals": Line("a refused call of any verb: exit 2 or 3, lines, every file as it was", 200, refusals.refuse),
        "refused-kills": Line(
            "a resume killed before its first own checkpoint: every file as it was, then the same end",
            50,
            refused_kills.kill,
        ),
        "team": Line(
            "8 runs of 2,000 rows at once into MLflow on PostgreSQL with users: no row lost, no password in a file",
            8,
            team.check,
        ),
        "full-disk": Line("disk full midway: exit 3, one line, the same end once there is room", 20, full_disk.check),
    }


def main() -> int:
    """Run what is asked for and not yet done, print the table; return the exit code."""
    # A shell starts what it puts in the background with SIGINT ignored, and what we start would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    lines = list_lines()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lines", nargs="*", metavar="LINE", help=f"default: all. Known: {', '.join(lines)}")
    parser.add_argument("--share", type=float, default=1.0, help="of each line's cases")
    parser.add_argument("--again", action="store_true", help="also what is done already")
    parser.add_argument("--output", type=Path, default=ROOT / "docs/stress")
    arguments = parser.parse_args()
    if unknown := set(arguments.lines) - set(lines):
        parser.error(f"unknown lines {sorted(unknown)}")
    path = arguments.output.with_suffix(".json")
    report = json.loads(path.read_text()) if path.exists() else {}
    for name in arguments.lines or lines:
        num_cases = max(1, round(lines[name].num_cases * arguments.share))
        done, code = report.get(name, {}), hash_code(lines[name].run.__module__)
        if not arguments.again and done.get("code") == code and done.get("asked") == num_cases:
            print(f"{name}: done before", flush=True)
            continue
        report[name] = run_line(name, lines[name], num_cases, code)
        path.write_text(json.dumps({key: report[key] for key in lines if key in report}, indent=1) + "\n")
        arguments.output.with_suffix(".md").write_text(to_markdown(report, lines))
    print(to_markdown(report, lines))
    return 0 if all(entry["right"] == entry["tried"] > 0 for entry in report.values()) else 1


def run_line(name: str, line: Line, num_cases: int, code: str) -> dict[str, Any]:
    """Run a line in a folder of its own and return its entry of the report."""
    print(f"{name}: {line.claim} ({num_cases} cases)", flush=True)
    before = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="stress_") as folder:
        outcome = line.run(num_cases, Path(folder).resolve())
    minutes = round((time.monotonic() - before) / 60, 1)
    print(f"{name}: {outcome.right} of {outcome.tried} right, {minutes} minutes, {outcome.figures}", flush=True)
    for failure in outcome.failures:
        print(f"    {failure}", flush=True)
    return {
        "claim": line.claim,
        "asked": num_cases,
        **asdict(outcome),
        "minutes": minutes,
        "code": code,
        "commit": _git("rev-parse", "--short=10", "HEAD")
        + ("+" if _git("status", "--porcelain", "src", "stress") else ""),
        "machine": {
            "system": platform.system(),
            "python": platform.python_version(),
            "processor": describe_processor(),
        },
    }


def describe_processor() -> str:
    """Return its name, family and model, and the number of cores, as far as the system says."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    name = fields.get("model name", platform.processor())
    return f"{name} {fields.get('cpu family', '?')}/{fields.get('model', '?')}, {os.cpu_count()} cores"


def hash_code(module: str) -> str:
    """Return what tells one version of the program, and of a line with all that it imports from here, from another.

    Args:
        module: of the line, as `stress.kills`.
    """
    digest = hashlib.sha256()
    paths = [*ROOT.glob("src/**/*.py"), *ROOT.glob("conf/**/*.yaml"), *_find_imported(module)]
    for path in sorted(paths):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def _find_imported(module: str) -> set[Path]:
    """Return the files of a module of this folder, of those that it imports, and of those that it starts by name."""
    found: set[Path] = set()
    left = [module]
    while left:
        path = ROOT / f"{left.pop().replace('.', '/')}.py"
        if path in found or not path.exists():
            continue
        found.add(path)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module is not None and node.module.startswith("stress"):
                left += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            elif isinstance(node, ast.Constant) and str(node.value).startswith("stress."):
                left.append(str(node.value))
    return found


def to_markdown(report: dict[str, Any], lines: dict[str, Line]) -> str:
    """Return the table of counts."""
    rows = [
        "# `make stress`",
        "",
        "| line | what must hold | right | of | minutes | figures | processor | commit |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in lines:
        if name in report:
            entry = report[name]
            figures = ", ".join(f"{key} {value}" for key, value in entry["figures"].items())
            rows.append(
                f"| {name} | {entry['claim']} | {entry['right']:,} | {entry['tried']:,} | {entry['minutes']} "
                f"| {figures} | {entry['machine'].get('processor', '')} | {entry['commit']} |"
            )
    return "\n".join(rows) + "\n"


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
