"""Sampling settings for tests."""

from dataclasses import replace

from charrnn_exp.config.compose import compose_jobs
from charrnn_exp.config.schema import SamplingConfig


def set_sampling(temperature: float = 1.0, top_k: int | None = None) -> SamplingConfig:
    """Return the default settings but for these."""
    return replace(compose_jobs([])[0].sampling, temperature=temperature, top_k=top_k)
