"""The default settings, and a way to change one of them without Hydra."""

from dataclasses import replace
from typing import Any

import pytest

from charrnn_exp.config.schema import Config
from tests.conftest import compose_once


@pytest.fixture(scope="session", autouse=True)
def _tensorflow() -> None:
    """Settings need no TensorFlow, so none is imported for these tests."""


@pytest.fixture(autouse=True)
def _no_server_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture(scope="session")
def defaults() -> Config:
    """What `python -m charrnn_exp` runs with."""
    return compose_once()


def change(config: Config, changes: dict[str, Any]) -> Config:
    """Return the settings with others in their place, by dotted key."""
    for key, value in changes.items():
        group, _, name = key.rpartition(".")
        config = replace(
            config, **({group: replace(getattr(config, group), **{name: value})} if group else {name: value})
        )
    return config
