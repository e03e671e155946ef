"""Where text comes from: a stream of bytes for every dataset, the same bytes each time it is read."""

import os
import stat
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from charrnn_exp.config.choices import DatasetName
from charrnn_exp.config.schema import DatasetConfig
from charrnn_exp.data.checksum import GitBlob, Md5, Sha256
from charrnn_exp.data.download import Download, fetch
from charrnn_exp.errors import UserError, one_line

CHUNK_BYTES = 1 << 22

SHAKESPEARE = Download(
    file_name="tinyshakespeare.txt",
    urls=(
        "https://storage.googleapis.com/download.tensorflow.org/data/shakespeare.txt",
        "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
    ),
    num_bytes=1_115_394,
    checksum=Sha256("86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"),
)
LINUX = Download(
    file_name="linux_input.txt",
    urls=(
        "https://raw.githubusercontent.com/solaris33/deep-learning-tensorflow-book-code/master/"
        "Ch08-RNN/Char-RNN/data/linux/input.txt",
        "https://cs.stanford.edu/people/karpathy/char-rnn/linux_input.txt",
    ),
    num_bytes=6_206_996,
    checksum=GitBlob("4190dc6cd2a63a9e487f64fada1c4da82f4a6086"),
)
WARPEACE = Download(
    file_name="warpeace_input.txt",
    urls=("https://cs.stanford.edu/people/karpathy/char-rnn/warpeace_input.txt",),
    num_bytes=3_258_246,
    checksum=Sha256("fb66ba999dafe24017cdd59e04c56d385a9c8466993d374fd4c6f08b2142985e"),  # of a copy
)
TEXT8 = Download(
    file_name="text8",
    urls=("https://mattmahoney.net/dc/text8.zip", "https://data.deepai.org/text8.zip"),
    num_bytes=100_000_000,
    checksum=Md5("3bea1919949baf155f99411df5fada7e"),
    member="text8",
)
ENWIK8 = Download(
    file_name="enwik8",
    urls=("https://mattmahoney.net/dc/enwik8.zip", "https://data.deepai.org/enwik8.zip"),
    num_bytes=100_000_000,
    checksum=Sha256("2b49720ec4d78c3c9fabaee6e4179a5e997302b3a70029f30f2d582218c024a8"),
    member="enwik8",
)
STDLIB_LEFT_OUT = {
    "test",
    "tests",
    "idlelib",
    "lib2to3",
    "turtledemo",
    "site-packages",
    "dist-packages",
    "_bundled",
}
"""Folders of the standard library that are not read: tests, demos and what is not the library's own."""


def read_chunks(dataset: DatasetConfig) -> Iterator[bytes]:
    """Yield the bytes of the text, at most `dataset.max_bytes` of them, in pieces of any size.

    Raises:
        UserError: if the file cannot be read.
        MachineError: if a text cannot be downloaded.
    """
    left = dataset.max_bytes
    for chunk in _read_all(dataset):
        if left is None:
            yield chunk
            continue
        yield chunk[:left]
        left -= len(chunk[:left])
        if left == 0:
            return


def _read_all(dataset: DatasetConfig) -> Iterator[bytes]:
    match dataset.name:
        case DatasetName.stdlib:
            return _read_stdlib(Path(sysconfig.get_paths()["stdlib"]))
        case DatasetName.shakespeare:
            return read_file(fetch(SHAKESPEARE))
        case DatasetName.linux:
            return read_file(fetch(LINUX))
        case DatasetName.warpeace:
            return read_file(fetch(WARPEACE))
        case DatasetName.text8:
            return read_file(fetch(TEXT8))
        case DatasetName.enwik8:
            return read_file(fetch(ENWIK8))
        case DatasetName.file:
            return read_file(Path(str(dataset.path)))
        case _:
            raise AssertionError(dataset.name)


def _read_stdlib(folder: Path) -> Iterator[bytes]:
    """Yield the library's own .py files in sorted order, those of ASCII bytes only."""
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(set(folders) - STDLIB_LEFT_OUT)
        for name in sorted(files):
            if name.endswith(".py"):
                source = (Path(parent) / name).read_bytes()
                if source.isascii():
                    yield source


def read_file(path: Path, *, key: str = "dataset.path") -> Iterator[bytes]:
    """Yield the bytes of a file in pieces of `CHUNK_BYTES`.

    Args:
        path: of the file.
        key: the word that the path came with, for the messages.

    Raises:
        UserError: if it cannot be read.
    """
    where = path.absolute()
    try:
        if not path.expanduser().is_dir() and not stat.S_ISREG(path.expanduser().stat().st_mode):
            raise ValueError("a pipe or device, and a text is read twice")
        with path.expanduser().open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except FileNotFoundError:
        raise UserError(f"{key} must be an existing text file, got {where}, which does not exist.") from None
    except IsADirectoryError:
        raise UserError(f"{key} must be a text file, got the folder {where}.") from None
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or one_line(error)
        raise UserError(f"{key} must be a readable text file, got {where} ({reason}).") from error
