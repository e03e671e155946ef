"""Texts in files, as datasets."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from charrnn_exp.config.choices import Source, Unit
from charrnn_exp.config.schema import Config, DatasetConfig
from charrnn_exp.data import sources
from tests.conftest import compose_once

MakeDataset = Callable[..., DatasetConfig]


@pytest.fixture(scope="session", autouse=True)
def _tensorflow() -> None:
    """Text needs no TensorFlow, so none is imported for these tests."""


@pytest.fixture(scope="session")
def defaults() -> Config:
    """What `python -m charrnn_exp` runs with."""
    return compose_once()


@pytest.fixture
def make_dataset(defaults: Config, tmp_path: Path) -> MakeDataset:
    """Return a function from bytes to a dataset that reads them."""

    def make(
        content: bytes, *, encoding: str = "utf-8", unit: Unit = Unit.char, max_bytes: int | None = None
    ) -> DatasetConfig:
        path = tmp_path / "text.txt"
        path.write_bytes(content)
        return replace(
            defaults.dataset,
            source=Source.file,
            path=str(path),
            encoding=encoding,
            unit=unit,
            max_bytes=max_bytes,
        )

    return make


@pytest.fixture(params=[1, 2, 3, 5, 1 << 22], ids="chunks of {}".format)
def chunk_bytes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Read files in pieces so small that their borders fall into characters."""
    monkeypatch.setattr(sources, "CHUNK_BYTES", request.param)
    return int(request.param)
