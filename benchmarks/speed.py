"""How fast is it, beside what a user would pick instead? `make bench` runs this; alone on the machine, please.

    python benchmarks/speed.py [--rounds 5] [--only training sampling ...] [--hidden 1024 ...] [--output docs/bench]

Each contender has a process of its own (benchmarks/contenders.py). They take turns, round after round, so that whatever
else the machine does falls on all of them alike; what counts is the ratio of medians. Writes OUTPUT.md and OUTPUT.json.
"""

import argparse
import dataclasses
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from contenders import Task

FOLDER = Path(__file__).parent
SECONDS_PER_TURN = 1.0
HIDDEN_SIZES = (128, 256, 512, 1024)
PRECISIONS = {"float32": "fp32", "bfloat16": "bf16"}
OURS, NOTEBOOK, KERAS, PYTORCH = "charrnn_exp", "notebook", "keras", "pytorch"

Rates = dict[str, list[float]]
"""Characters a second of each contender, one number a round."""


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=list(SECTIONS), choices=list(SECTIONS))
    parser.add_argument("--hidden", nargs="*", type=int, default=list(HIDDEN_SIZES))
    parser.add_argument("--output", type=Path, default=Path("docs/bench"))
    arguments = parser.parse_args()
    before = time.monotonic()
    report: dict[str, Any] = {"machine": describe_machine(), "rounds": arguments.rounds}
    lines = [f"{name}: {value}" for name, value in report["machine"].items()]
    lines += [f"medians of {arguments.rounds} rounds, characters a second; [lowest .. highest] in the JSON file"]
    for name in arguments.only:
        report[name] = SECTIONS[name](arguments.hidden, arguments.rounds)
        lines += ["", *tell(name, report[name])]
        print("\n".join(tell(name, report[name])), flush=True)
    report["minutes"] = round((time.monotonic() - before) / 60, 1)
    arguments.output.with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n")
    arguments.output.with_suffix(".md").write_text("# `make bench`\n\n" + "\n".join(lines) + "\n")


def measure_training(hidden_sizes: list[int], rounds: int) -> list[dict[str, Any]]:
    """Train every contender at every shape; `ceiling` is the share of what large products alone would allow."""
    ceilings = measure_ceilings(rounds)
    rows = []
    for base in list_shapes(hidden_sizes):
        num_layers = base.num_layers
        contenders = [(who, precision) for who in (OURS, KERAS, PYTORCH) for precision in PRECISIONS]
        if num_layers == 1:
            contenders.append((NOTEBOOK, "float32"))
        rates = take_turns(name_tasks(base, contenders), rounds=rounds)
        row = add_ratios(name_shape(base), rates)
        for precision, short in PRECISIONS.items():
            flop = count_flop(base) * statistics.median(rates[f"{OURS} {short}"])
            row["ratios"][f"share of the ceiling {short}"] = flop / ceilings[precision]
        rows.append(row)
    return rows


def measure_old_processor(hidden_sizes: list[int], rounds: int) -> list[dict[str, Any]]:
    """Train in float32 at every shape with the instruction set held at AVX2."""
    rows = []
    for base in list_shapes(hidden_sizes):
        tasks = name_tasks(dataclasses.replace(base, isa="AVX2"), [(who, "float32") for who in (OURS, KERAS, PYTORCH)])
        rows.append(add_ratios(name_shape(base), take_turns(tasks, rounds=rounds)))
    return rows


def list_shapes(hidden_sizes: list[int]) -> list[Task]:
    """Return training at every shape, without its contender."""
    shapes = [(h, layers, 64, 100) for h in hidden_sizes for layers in (1, 2)]
    shapes += [(h, 1, 128, 50) for h in hidden_sizes if h == 1024]
    return [
        Task(
            work="training", contender="", precision="", hidden_size=h, num_layers=num_layers, batch_size=b,
            sequence_length=t,
        )
        for h, num_layers, b, t in shapes
    ]  # fmt: skip


def name_shape(task: Task) -> dict[str, Any]:
    """Return the first cells of a row."""
    batch = f"{task.batch_size} x {task.sequence_length}"
    return {"hidden": task.hidden_size, "layers": task.num_layers, "batch": batch}


def measure_sampling(hidden_sizes: list[int], rounds: int) -> list[dict[str, Any]]:
    """Sample with every contender, one stream and 64; "bf16" of ours means as it samples after such training.

    That is in integers of 16 bits for one stream, and in float32, which holds the same integers, for 64.
    """
    rows = []
    for h in hidden_sizes:
        for b in (1, 64):
            base = Task(work="sampling", contender="", precision="", hidden_size=h, batch_size=b, sequence_length=250)
            contenders = [(OURS, "bfloat16")]
            contenders += [(who, precision) for who in (KERAS, PYTORCH) for precision in PRECISIONS]
            if b == 1:
                contenders.append((NOTEBOOK, "float32"))
            rates = take_turns(name_tasks(base, contenders), rounds=rounds)
            rows.append(add_ratios({"hidden": h, "streams": b}, rates))
    return rows


def measure_validation(hidden_sizes: list[int], rounds: int) -> list[dict[str, Any]]:
    """Score a text as long as tiny Shakespeare's validation part, beside training at the default batch."""
    rows = []
    for h in hidden_sizes:
        training = Task(
            work="training", contender=OURS, precision="bfloat16", hidden_size=h, sequence_length=64, num_symbols=65
        )
        validation = dataclasses.replace(training, work="validation", batch_size=1, sequence_length=111_540)
        rates = take_turns({"training": training, "validation": validation}, rounds=rounds)
        rows.append(add_ratios({"hidden": h}, rates, ours="validation"))
    return rows


def measure_growth(_: list[int], rounds: int) -> list[dict[str, Any]]:
    """Train ours with one size changed at a time."""
    start = Task(work="training", contender=OURS, precision="bfloat16", hidden_size=256)
    tasks = {}
    changes: dict[str, Any]
    for name, values in {
        "batch_size": (16, 64, 256),
        "sequence_length": (25, 100, 400),
        "hidden_size": (64, 256, 1024),
        "num_symbols": (99, 1000, 5000),
    }.items():
        for value in values:
            changes = {name: value}
            tasks[f"{name} {value}"] = dataclasses.replace(start, **changes)
    rates = take_turns(tasks, rounds=rounds)
    return [{"of": name, "rates": {"characters a second": rates[name]}, "ratios": {}} for name in tasks]


def measure_texts(sizes: list[int], rounds: int) -> list[dict[str, Any]]:
    """Read, count and split 1, 10, 100 MB of text (the standard library, repeated): all that precedes TensorFlow."""
    from charrnn_exp.config.compose import compose_jobs
    from charrnn_exp.data.preparation import prepare_text
    from charrnn_exp.data.sources import read_chunks

    text = b"".join(read_chunks(compose_jobs(["dataset.max_bytes=1000000"])[0].dataset))
    rows = []
    for megabytes in (1, 10, 100):
        with tempfile.NamedTemporaryFile() as file:
            file.write(text * megabytes)
            file.flush()
            config = compose_jobs(["dataset=file", f"dataset.path={file.name}"])[0]
            rates = []
            for _ in range(rounds):
                before = time.perf_counter()
                prepared = prepare_text(config)
                rates.append(len(prepared.corpus.ids_n) / (time.perf_counter() - before))
        rows.append({"of": f"text of {megabytes} MB, to ids", "rates": {"characters a second": rates}, "ratios": {}})
    return rows


SECTIONS = {
    "training": measure_training,
    "avx2": measure_old_processor,
    "sampling": measure_sampling,
    "validation": measure_validation,
    "growth": measure_growth,
    "texts": measure_texts,
}


def measure_ceilings(rounds: int) -> dict[str, float]:
    """Return FLOP a second of large square products by precision, of TensorFlow or PyTorch, whichever is faster."""
    size = 2048
    base = Task(work="products", contender="", precision="", hidden_size=size, batch_size=1, sequence_length=1)
    rates = take_turns(
        name_tasks(base, [(who, precision) for who in (KERAS, PYTORCH) for precision in PRECISIONS]), rounds=rounds
    )
    return {
        precision: 2.0 * size**3 * max(statistics.median(rates[f"{who} {short}"]) for who in (KERAS, PYTORCH))
        for precision, short in PRECISIONS.items()
    }


def count_flop(task: Task) -> float:
    """Return floating-point operations of training per character: products only, the first layer's input a table."""
    h = task.hidden_size
    return 6.0 * (4 * h * h + (task.num_layers - 1) * 8 * h * h + h * task.num_symbols)


def name_tasks(base: Task, contenders: list[tuple[str, str]]) -> dict[str, Task]:
    """Return the task of each contender by its name in the table."""
    return {
        f"{who} {PRECISIONS[precision]}": dataclasses.replace(base, contender=who, precision=precision)
        for who, precision in contenders
    }


def take_turns(tasks: Mapping[str, Task], *, rounds: int) -> Rates:
    """Start every contender, then let each work for about a second in every round."""
    with ExitStack() as stack:
        with ThreadPoolExecutor(2) as pool:  # they are read in turn but start in pairs
            processes = list(pool.map(lambda task: stack.enter_context(start_contender(task)), tasks.values()))
        repeats = [max(1, round(SECONDS_PER_TURN / ask(process, 1))) for process in processes]
        rates: Rates = {name: [] for name in tasks}
        for _ in range(rounds):
            for (name, task), process, count in zip(tasks.items(), processes, repeats, strict=True):
                rates[name].append(count * task.characters / ask(process, count))
    return rates


@contextmanager
def start_contender(task: Task) -> Iterator[subprocess.Popen[str]]:
    """Start the process of a contender and wait until it is warm."""
    command = [sys.executable, str(FOLDER / "contenders.py"), json.dumps(dataclasses.asdict(task))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        answer = process.stdout.readline()
        assert answer == "ready\n", f"{task} did not start: {answer}"
        try:
            yield process
        finally:
            process.kill()


def ask(process: subprocess.Popen[str], count: int) -> float:
    """Return the seconds that so many units of work take."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{count}\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def add_ratios(facts: dict[str, Any], rates: Rates, *, ours: str = OURS) -> dict[str, Any]:
    """Return a row: its facts, the rates, and how many times each other contender ours is in the same precision.

    Where ours has no such precision, and for the notebook, it is the fastest of ours.
    """
    medians = {name: statistics.median(values) for name, values in rates.items()}
    mine = {name.removeprefix(ours).strip(): median for name, median in medians.items() if name.startswith(ours)}
    ratios = {}
    for name, median in medians.items():
        who, _, precision = name.rpartition(" ")
        if not name.startswith(ours):
            same = who != NOTEBOOK and precision in mine
            ratios[name] = (mine[precision] if same else max(mine.values())) / median
    return {**facts, "rates": rates, "ratios": ratios}


def tell(section: str, rows: list[dict[str, Any]]) -> list[str]:
    """Return a section as a Markdown table: medians, and our ratio to each in brackets."""
    facts = [key for key in rows[0] if key not in ("rates", "ratios")]
    columns = list(dict.fromkeys(name for row in rows for name in row["rates"]))
    shares = list(dict.fromkeys(name for row in rows for name in row["ratios"] if name.startswith("share")))
    lines = [f"## {section}", "", "| " + " | ".join([*facts, *columns, *shares]) + " |"]
    lines.append("|" + " --- |" * (len(facts) + len(columns) + len(shares)))
    for row in rows:
        cells = [str(row[fact]) for fact in facts]
        cells += [show_rate(row, name) for name in columns]
        cells += [f"{100 * row['ratios'][name]:.0f} %" for name in shares]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def show_rate(row: dict[str, Any], name: str) -> str:
    """Return a median, and how many times as fast ours is."""
    if name not in row["rates"]:
        return "-"
    ratio = f" ({row['ratios'][name]:.2f}x)" if name in row["ratios"] else ""
    return f"{statistics.median(row['rates'][name]):,.0f}{ratio}"


def describe_machine() -> dict[str, str]:
    """Return what the figures depend on."""
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    pairs = (line.partition(":")[::2] for line in info.splitlines())
    fields = {name.strip(): value.strip() for name, value in pairs}
    model = f"family {fields.get('cpu family', '?')} model {fields.get('model', '?')}"
    flags = [flag for flag in ("avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16") if flag in info]
    return {
        "processor": f"{fields.get('model name', platform.processor())}, {model}",
        "cores": str(info.count("processor\t:")),
        "flags": " ".join(flags),
        **{name: find_version(name) for name in ("tensorflow", "keras", "torch", "numpy")},
        "python": platform.python_version(),
    }


def find_version(package: str) -> str:
    """Return the version of an installed package."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


if __name__ == "__main__":
    main()
