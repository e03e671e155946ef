"""Sampling settings for tests."""

from dataclasses import replace

from charrnn_exp.config.schema import SamplingConfig
from tests.conftest import compose_once


def set_sampling(temperature: float = 1.0, top_k: int | None = None) -> SamplingConfig:
    """Return the default settings but for these."""
    return replace(compose_once().sampling, temperature=temperature, top_k=top_k)
