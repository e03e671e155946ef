"""Arrays in `.npz` files, read without trust: sizes and hash are checked first, and only numbers are accepted."""

import hashlib
import io
import math
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from charrnn_exp.errors import MachineError, one_line

Arrays = dict[str, npt.NDArray[Any]]

MEMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}\.npy")
NUMBERS = "biuf"
"""NumPy kinds of array that a checkpoint may hold: bool, int, unsigned int, float."""


def read_npz(path: Path, *, num_bytes: int, sha256: str) -> Arrays:
    """Return the arrays of an `.npz` file with this size and hash.

    An array is read only if its shape fits its bytes in the file, so that reading takes no more memory than the file
    has bytes, whatever its headers claim.

    Raises:
        MachineError: naming the difference.
    """
    try:
        found: dict[str, Any] = {"bytes": path.stat().st_size}
        if found["bytes"] == num_bytes:
            with path.open("rb") as file:
                found["sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise MachineError(f"cannot read {path} ({error.strerror}): mend its permissions or disk.") from error
    if found != (expected := {"bytes": num_bytes, "sha256": sha256}):
        raise MachineError(f"{path} is damaged: its manifest says {expected}, the file has {found}.")
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(archive.infolist(), num_bytes)
            return {info.filename.removesuffix(".npy"): _read_array(archive, info) for info in archive.infolist()}
    except Exception as error:  # zipfile, zlib, NumPy and the disk each raise their own
        raise MachineError(
            f"{path} holds more than arrays of numbers ({one_line(error)[:300]}): do not use it."
        ) from error


def to_npz(arrays: Arrays) -> memoryview:
    """Return the bytes of an `.npz`: equal arrays give equal bytes."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getbuffer()


def _check_members(members: list[zipfile.ZipInfo], num_bytes: int) -> None:
    names = [info.filename for info in members]
    if len(set(names)) < len(names):
        raise ValueError("two arrays of one name")
    for info in members:
        if not MEMBER.fullmatch(info.filename):
            raise ValueError(f"an array named {info.filename[:100]!r}")
        if info.compress_type != zipfile.ZIP_STORED:
            raise ValueError(f"{info.filename}, which is compressed")
    if sum(info.file_size for info in members) > num_bytes:
        raise ValueError("more bytes of arrays than of the file")


def _read_array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> npt.NDArray[Any]:
    with archive.open(info) as file:
        version = np.lib.format.read_magic(file)
        if version != (1, 0):
            raise ValueError(f"{info.filename} of version {version}")
        shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(file)
        if dtype.kind not in NUMBERS:
            raise ValueError(f"{info.filename} of type {dtype}")
        if not all(0 <= size < 2**62 for size in shape) or math.prod(shape) * dtype.itemsize != (
            info.file_size - file.tell()
        ):
            raise ValueError(f"{info.filename} with a shape {str(shape)[:100]} that its bytes do not fill")
        raw = bytearray(file.read())  # not bytes, so that the array may be written to
    return np.ndarray(shape, dtype, raw, order="F" if is_fortran else "C")
