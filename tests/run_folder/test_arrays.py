"""Arrays are read only from an honest archive of plain numbers."""

import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from charrnn_exp.errors import MachineError
from charrnn_exp.run_folder.arrays import Arrays, read_npz

ARRAYS = {
    "a.b": np.arange(6, dtype=np.float32).reshape(2, 3),
    "seeds": np.array([1, 2], np.uint32),
    "one": np.asarray(7),
    "empty": np.zeros((0, 3), np.float64),
    "by.columns": np.asfortranarray(np.arange(6).reshape(2, 3)),
}
HUGE = (
    b"\x93NUMPY\x01\x00" + (58).to_bytes(2, "little") + b"{'descr': '<f4', 'fortran_order': False, 'shape': (4**9,)}\n"
)


def pack(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, raw in members.items():
            archive.writestr(name, raw)
    return buffer.getvalue()


def to_npy(array: np.ndarray, *, allow_pickle: bool = False) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=allow_pickle)
    return buffer.getvalue()


def read(folder: Path, raw: bytes) -> Arrays:
    (folder / "x.npz").write_bytes(raw)
    return read_npz(folder / "x.npz", num_bytes=len(raw), sha256=hashlib.sha256(raw).hexdigest())


def test_what_numpy_saves_comes_back_with_type_shape_and_bytes_and_may_be_written_to(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, **ARRAYS)  # type: ignore[arg-type]
    found = read(tmp_path, buffer.getvalue())
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        np.testing.assert_array_equal(found[name], array)
        assert found[name].flags.writeable


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        to_npy(np.zeros(3)),
        pack({"../../a.npy": to_npy(np.zeros(3))}),
        pack({"/a.npy": to_npy(np.zeros(3))}),
        pack({"a": to_npy(np.zeros(3))}),
        pack({"a.npy": to_npy(np.zeros(3)), "b.npy": to_npy(np.zeros(3))}).replace(b"b.npy", b"a.npy"),
        pack({"a.npy": to_npy(np.zeros(1_000_000))}, zipfile.ZIP_DEFLATED),
        pack({"a.npy": to_npy(np.array([{}], object), allow_pickle=True)}),
        pack({"a.npy": to_npy(np.array("text"))}),
        pack({"a.npy": HUGE + bytes(12)}),
        pack({"a.npy": to_npy(np.zeros(3)) + b"more"}),
        pack({"a.npy": to_npy(np.zeros(3))[:-1]}),
    ],
    ids=["nothing", "npy", "up", "root", "no-npy", "twice", "bomb", "objects", "text", "huge", "longer", "shorter"],
)
def test_what_is_no_archive_of_numbers_is_refused_whatever_its_hash(tmp_path: Path, raw: bytes) -> None:
    with pytest.raises(MachineError, match=r"x\.npz holds more than arrays of numbers \("):
        read(tmp_path, raw)


def test_a_file_of_another_size_is_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    path.touch()
    with path.open("r+b") as file:
        file.truncate(1 << 40)  # a terabyte that takes no space: to hash it would take an hour
    with pytest.raises(MachineError, match=r"is damaged: its manifest says .*, the file has .*1099511627776"):
        read_npz(path, num_bytes=10, sha256="0" * 64)
