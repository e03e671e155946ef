"""What do the recipes reach, seed by seed? Keeps each run in docs/results and writes the table of docs/results.md.

    python benchmarks/recipes.py RECIPE [--seeds 1 2 3] [--nano FILE] [--words WORD ...]
    python benchmarks/recipes.py                    # writes the table anew

Each seed is a command of its own (`python -m charrnn_exp recipe=RECIPE seed=1 WORD ...`), to be run alone on the
machine; its seconds are those of the whole process. --nano trains nanoGPT's setting for a CPU on FILE before and after
(benchmarks/nano.py, which needs PyTorch), to compare seconds and losses on one machine.
"""

import argparse
import json
import re
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from speed import describe_machine

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "docs" / "results"
PAGE = ROOT / "docs" / "results.md"
BEGIN, END = "<!-- written by benchmarks/recipes.py -->", "<!-- to here -->"
HEAD = (
    "| recipe | machine | seeds | seconds | val_loss | test_loss | 7-grams | published | nanoGPT's CPU setting |",
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
)
PARTS = ("val", "test")
FOLDER = re.compile(r"charrnn_exp: (outputs/\S+)")
NANO = re.compile(r"([\d.]+) s, validation loss of the whole part ([\d.]+)")

Result = dict[str, Any]
"""command, seed, commit, machine, seconds, summary; nano: seconds and loss of each run beside it."""


def main() -> None:
    """Run what is asked for, write the table, print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", nargs="?")
    parser.add_argument("--seeds", nargs="*", type=int, default=[1, 2, 3])
    parser.add_argument("--nano", type=Path)
    parser.add_argument("--words", nargs="*", default=[])
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--page", type=Path, default=PAGE)
    arguments = parser.parse_args()
    if arguments.recipe is not None:
        kept: list[tuple[Path, Result]] = []
        nano = [run_nano(arguments.nano)] if arguments.nano else []
        for seed in arguments.seeds:
            result = run_seed(arguments.recipe, seed, arguments.words) | {"nano": nano}
            kept.append((arguments.results / arguments.recipe / f"seed_{seed}.json", result))
            write(*kept[-1])
        nano += [run_nano(arguments.nano)] if arguments.nano else []
        for path, result in kept:
            write(path, result | {"nano": nano})
    table = render(read_results(arguments.results))
    before, rest = arguments.page.read_text().split(BEGIN)
    arguments.page.write_text(f"{before}{BEGIN}\n{table}{END}{rest.split(END)[1]}")
    print(table, end="")


def run_seed(recipe: str, seed: int, words: Sequence[str]) -> Result:
    """Train a recipe with a seed, and return its result."""
    typed = ["-m", "charrnn_exp", f"recipe={recipe}", f"seed={seed}", *words]
    print(f"--- python {shlex.join(typed)}", flush=True)
    output, seconds = tell([sys.executable, *typed])
    found = FOLDER.search(output)
    assert found is not None, "a run says its folder first"
    summary = json.loads((Path(found[1]) / "summary.json").read_text())
    return {
        "command": shlex.join(["python", *typed]),
        "seed": seed,
        "commit": find_commit(),
        "machine": describe_machine(),
        "seconds": round(seconds, 1),
        "summary": summary,
    }


def find_commit() -> str:
    """Return the commit of this checkout, with a + where files differ from it."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty=+"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def write(path: Path, result: Result) -> None:
    """Write the result of a seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n")


def run_nano(text: Path) -> tuple[float, float]:
    """Return the seconds and the loss of nanoGPT's setting for a CPU."""
    output, _ = tell([sys.executable, str(ROOT / "benchmarks/nano.py"), str(text)])
    found = NANO.search(output)
    assert found is not None, "it says so last"
    return float(found[1]), float(found[2])


def tell(command: Sequence[str]) -> tuple[str, float]:
    """Run a command whose output is shown; return it, and the seconds of the process."""
    before, lines = time.monotonic(), []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    if process.returncode:
        raise SystemExit(process.returncode)
    return "".join(lines), time.monotonic() - before


def read_results(folder: Path) -> dict[str, list[Result]]:
    """Return the results of each recipe, in the order of their seeds."""
    paths = sorted(folder.glob("*/seed_*.json"), key=lambda path: (path.parent.name, int(path.stem[5:])))
    results: dict[str, list[Result]] = {}
    for path in paths:
        results.setdefault(path.parent.name, []).append(json.loads(path.read_text()))
    return results


def render(results: dict[str, list[Result]]) -> str:
    """Return the table."""
    return "\n".join([*HEAD, *(_render_row(recipe, each) for recipe, each in results.items())]) + "\n"


def _render_row(recipe: str, results: Sequence[Result]) -> str:
    summaries = [result["summary"] for result in results]
    machine, published = results[0]["machine"], summaries[0].get("published") or {}
    nano = results[0]["nano"]
    settings = {result["command"].replace(f" seed={result['seed']}", "") for result in results}
    if len(settings) > 1 or any(result[key] != results[0][key] for result in results for key in ("machine", "nano")):
        raise SystemExit(f"the seeds of {recipe} must be of one machine and one command: run them together.")
    cells = [
        f"[{recipe}](results/{recipe}/seed_{results[0]['seed']}.json)",
        f"{machine['processor']}, {machine['cores']} cores {machine['flags']}".strip(),
        str(len(results)),
        _tell_mean([result["seconds"] for result in results], digits=0),
        *(_tell_mean(_list_losses(summaries, part), digits=4) for part in PARTS),
        _tell_mean([summaries[0]["ngram_val_loss"]], digits=4),
        ", ".join(f"{part} {each['loss']:.4f}" for part, each in published.items()) or "-",
        "; ".join(f"{seconds:.0f} s, {loss:.4f}" for seconds, loss in nano) or "-",
    ]
    return f"| {' | '.join(cells)} |"


def _list_losses(summaries: Sequence[dict[str, Any]], part: str) -> list[float | None]:
    """Return the losses of the weights that each run has ended with."""
    return [summary["scores"].get(part, {}).get("loss") for summary in summaries]


def _tell_mean(values: Sequence[float | None], *, digits: int) -> str:
    """Return mean and standard deviation; - where there are none."""
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    mean = f"{statistics.mean(known):.{digits}f}"
    return mean if len(known) == 1 else f"{mean} (sd {statistics.stdev(known):.{digits}f})"


if __name__ == "__main__":
    main()
