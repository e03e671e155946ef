"""The seed of the draws where the settings leave it open."""

import secrets
from dataclasses import replace

from charrnn_exp.config.schema import SamplingConfig


def settle_seed(sampling: SamplingConfig) -> SamplingConfig:
    """Return the settings with a seed: their own, or one that the system's random numbers give."""
    return sampling if sampling.seed is not None else replace(sampling, seed=secrets.randbelow(2**31))


def is_seed_drawn(sampling: SamplingConfig) -> bool:
    """Whether the text depends on a seed that the system's random numbers give."""
    return sampling.seed is None and sampling.beams is None and sampling.temperature > 0.0
