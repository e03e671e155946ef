"""What a large text costs: CPU seconds and memory from its bytes to ids, and a training run of a few steps on it.

    python benchmarks/big_text.py 100                    # megabytes
    python benchmarks/big_text.py 1000 --steps 20 --text book.txt

Texts are made in a temporary folder: the text (default: the running Python's library) repeated; the same with three
hundred Chinese characters strewn in, so that ids take two bytes where the file takes one; Korean syllables. Each is
read by a process of its own. Memory is the peak of that process beyond what it had before it read, in sizes of the
file; seconds are CPU time, those of merely reading the file told apart.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from charrnn_exp.config.choices import Source
from charrnn_exp.config.compose import compose_jobs
from charrnn_exp.config.schema import DatasetConfig
from charrnn_exp.data.corpus import load_corpus
from charrnn_exp.data.sources import read_chunks, read_file

MEGABYTE = 1_000_000
PEAK_UNIT = 1 if sys.platform == "darwin" else 1024


def find_peak(who: int = resource.RUSAGE_SELF) -> int:
    """Return the highest resident memory so far, in bytes."""
    return resource.getrusage(who).ru_maxrss * PEAK_UNIT


def make_texts(path: Path | None) -> Iterator[tuple[str, bytes]]:
    """Yield the name and a piece of each text, about a megabyte that is to be repeated."""
    dataset = replace(compose_jobs([])[0].dataset, max_bytes=10 * MEGABYTE)
    yield "plain", b"".join(read_chunks(dataset) if path is None else read_file(path))
    generator = np.random.default_rng(1)
    library = b"".join(read_chunks(replace(dataset, max_bytes=MEGABYTE))).decode()
    words = library.split(" ")
    for i in range(0, len(words), 40):
        words[i] = chr(0x4E00 + int(generator.integers(300)))
    yield "with 300 Chinese characters", " ".join(words).encode()
    syllables = np.minimum(generator.zipf(1.3, size=300_000), 2_000)
    yield "Korean, 2,000 syllables", "".join(chr(0xAC00 + int(s)) if s % 7 else " " for s in syllables).encode()


def describe_file(path: Path) -> DatasetConfig:
    """Return the dataset that reads the file."""
    return replace(compose_jobs([])[0].dataset, source=Source.file, path=str(path), max_bytes=None)


def measure(path: Path) -> dict[str, float]:
    """Read the file in this process; return what it cost."""
    dataset = describe_file(path)
    before = time.process_time()
    for _ in range(2):  # a text is read twice
        for _ in read_chunks(dataset):
            pass
    between, bare = time.process_time(), find_peak()
    corpus = load_corpus(dataset)
    return {
        "reading": between - before,
        "all": time.process_time() - between,
        "peak": find_peak() - bare,
        "characters": corpus.fingerprint.num_characters,
        "symbols": corpus.fingerprint.num_symbols,
    }


def write_repeated(path: Path, piece: bytes, num_bytes: int) -> None:
    """Write the piece again and again, whole pieces only, so that no character is cut."""
    with path.open("wb") as file:
        for _ in range(max(1, num_bytes // len(piece))):
            file.write(piece)


def train(path: Path, num_steps: int) -> None:
    """Train a few steps on the file in a process of its own, and print what that took."""
    words = ["dataset=file", f"dataset.path={path}", f"training.max_steps={num_steps}", "tracking=none"]
    words += ["training.max_val_characters=100000", "sampling.length=100", "optimizer.warmup_steps=0"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "charrnn_exp", *words], cwd=path.parent, check=True, stdout=subprocess.DEVNULL
    )
    after, seconds = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - began
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(
        f"{num_steps} steps on it: {seconds:.1f} s wall, {cpu:.1f} s CPU, peak of the whole process "
        f"{find_peak(resource.RUSAGE_CHILDREN) / 2**20:,.0f} MiB",
        flush=True,
    )


def main() -> None:
    """Make the texts, measure each in a child, train on the first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("megabytes", type=int, nargs="?", default=100)
    parser.add_argument("--text", type=Path, help="what the first text repeats")
    parser.add_argument("--steps", type=int, default=0, help="train so many steps on the first text")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)  # what a child does
    arguments = parser.parse_args()
    if arguments.measure is not None:
        print(json.dumps(measure(arguments.measure)))
        return
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, piece) in enumerate(make_texts(arguments.text)):
            path = Path(folder) / f"text{number}.txt"
            write_repeated(path, piece, arguments.megabytes * MEGABYTE)
            child = [sys.executable, os.path.abspath(__file__), "--measure", str(path)]
            cost = json.loads(subprocess.run(child, check=True, capture_output=True).stdout)
            size, seconds = path.stat().st_size, cost["all"] - cost["reading"]
            print(
                f"{name}: {size / MEGABYTE:,.0f} MB, {cost['characters']:,} characters, {cost['symbols']:,} symbols: "
                f"{seconds:.2f} s CPU to ids ({cost['characters'] / seconds / 1e6:,.0f} million characters a second) "
                f"after {cost['reading']:.2f} s of reading, memory {cost['peak'] / size:.2f} x the file",
                flush=True,
            )
            if number == 0 and arguments.steps:
                train(path, arguments.steps)
            path.unlink()


if __name__ == "__main__":
    main()
