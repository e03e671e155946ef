"""A study needs no TensorFlow."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def _tensorflow() -> None:
    """None is imported for these tests."""
