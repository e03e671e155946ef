"""How small does the model of a run make a text, beside xz, bzip2, zstd and counted n-grams?

    python benchmarks/compression.py RUN [--characters 100000]

The text is the start of the run's own validation text, which no contender has seen; it is compressed and decompressed,
and compared. "After the training text": what the text adds to the compressed training text, so that all contenders have
read the same before. The n-grams' bytes are those of their loss. Prints a table, and the seconds of both directions.

Axes: n character.
"""

import argparse
import bz2
import itertools
import lzma
import math
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import zstandard

from charrnn_exp.coding.from_run import compress, decompress
from charrnn_exp.data.corpus import load_corpus
from charrnn_exp.data.sources import trust_installed_alone
from charrnn_exp.data.splits import split_text
from charrnn_exp.evaluation.baseline.ngram import ORDER, measure_ngram_loss
from charrnn_exp.run_folder.folder import RunFolder

COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "xz -9": lambda text: lzma.compress(text, preset=9),
    "bzip2 -9": lambda text: bz2.compress(text, 9),
    "zstd -19": lambda text: zstandard.ZstdCompressor(level=19).compress(text),
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--characters", type=int, default=100_000)
    arguments = parser.parse_args()
    folder = RunFolder(arguments.run)
    config, vocabulary = folder.read_untracked_config(), folder.read_vocabulary()
    corpus = load_corpus(trust_installed_alone(config.dataset))
    splits = split_text(corpus.ids_n, config.dataset, corpus.num_by_part)
    assert splits.val_n is not None, "the run has no validation text"
    val_n = splits.val_n[: arguments.characters]
    text, train = vocabulary.to_bytes(val_n), vocabulary.to_bytes(splits.train_n)

    print(f"{len(val_n):,} characters, {len(text):,} bytes\n")
    print("| by | bytes | bits per character | after the training text |\n| --- | --- | --- | --- |")

    def show(name: str, num_bytes: float, after: float | None) -> None:
        told = "-" if after is None else f"{after:,.0f}"
        print(f"| {name} | {num_bytes:,.0f} | {8 * num_bytes / len(val_n):.4f} | {told} |", flush=True)

    for name, run in COMPRESSORS.items():
        show(name, len(run(text)), len(run(train + text)) - len(run(train)))
    loss = measure_ngram_loss(splits.train_n, val_n, num_symbols=len(vocabulary))
    of_ngrams = (loss * (len(val_n) - 1) + math.log(len(vocabulary))) / math.log(2) / 8
    print(f"| {ORDER}-grams, by their loss | - | {8 * of_ngrams / len(val_n):.4f} | {of_ngrams:,.0f} |", flush=True)
    coded, whole, seconds = measure_model(folder, text)
    bits = 8 * coded / len(val_n)
    print(f"| model | - | {bits:.4f} | {coded:,} ({whole:,} with its header) |\n")
    print(f"compress {seconds[0]:.1f} s, decompress {seconds[1]:.1f} s, TensorFlow's import and compiling included")


def measure_model(folder: RunFolder, text: bytes) -> tuple[int, int, list[float]]:
    """Return the bytes of the coded text and of its file, and the seconds of both directions."""
    with tempfile.TemporaryDirectory() as scratch:
        names = [Path(scratch, name) for name in ("text", "small", "again")]
        names[0].write_bytes(text)
        times = [time.perf_counter()]
        sizes = compress(folder, names[0], names[1], checkpoint=None, warn=print)
        times.append(time.perf_counter())
        decompress(folder, names[1], names[2], warn=print)
        times.append(time.perf_counter())
        assert names[2].read_bytes() == text
    return sizes.coded, sizes.file, [after - before for before, after in itertools.pairwise(times)]


if __name__ == "__main__":
    main()
