"""Large texts lie in a file that is mapped, small ones in memory; the ids are the same."""

import os
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from charrnn_exp.config.schema import Config
from charrnn_exp.data import allocation
from charrnn_exp.data.allocation import allocate_ids
from charrnn_exp.data.corpus import load_corpus
from charrnn_exp.errors import MachineError


def test_a_large_text_is_mapped_and_has_the_ids_that_it_has_in_memory(
    defaults: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = replace(defaults.dataset, max_bytes=3001)
    in_memory = load_corpus(dataset).ids_n
    monkeypatch.setattr(allocation, "MAPPED_BYTES", 1)
    mapped = load_corpus(dataset).ids_n
    assert isinstance(in_memory.base, type(None))
    assert isinstance(mapped.base, np.memmap)
    assert mapped.dtype == in_memory.dtype
    np.testing.assert_array_equal(mapped, in_memory)
    assert not isinstance(mapped[np.array([[3, 1]])], np.memmap)


def test_the_file_has_no_name_and_its_room_is_there_before_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(allocation, "MAPPED_BYTES", 1000)
    free = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
    ids_n = allocate_ids(1001, np.uint16)
    ids_n[:] = 7
    assert ids_n.dtype == np.uint16
    assert ids_n.shape == (1001,)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(MachineError, match=rf"no space for [0-9,]+ bytes of ids in the temporary folder {tmp_path} "):
        allocate_ids(free * 2, np.uint8)
