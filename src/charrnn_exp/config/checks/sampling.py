"""Checks of the settings of the sampler."""

import math
from collections.abc import Iterator

from charrnn_exp.config.checks.extra import find_filter_problems, find_value_problems
from charrnn_exp.config.checks.ranges import between
from charrnn_exp.config.schema import SamplingConfig
from charrnn_exp.sampling.filters.registry import FILTERS


def find_sampling_problems(sampling: SamplingConfig) -> Iterator[str]:
    """Yield the problems of the settings of the sampler, one line each; each filter checks its value."""
    yield from between("sampling.length", sampling.length, 1, 10_000_000)
    yield from between("sampling.num_samples", sampling.num_samples, 1, 10_000)
    if not 0.0 <= sampling.temperature < math.inf:
        yield f"sampling.temperature must be at least 0 (0 is greedy) and finite, got {sampling.temperature}."
    for name, each in FILTERS.built_in.items():
        yield from find_value_problems(f"sampling.{name}", each, getattr(sampling, name))
    yield from find_filter_problems(sampling.extra, FILTERS, prefix="sampling.extra.")
    if not 0 <= sampling.seed < 2**31:
        yield f"sampling.seed must be in [0, 2147483647], got {sampling.seed}."
    if sampling.prompt == "":
        yield "sampling.prompt must hold at least one character, got ''. null lets the text choose."
    if sampling.prompt is not None and sampling.prompt_file is not None:
        yield "sampling.prompt_file must be null when sampling.prompt is set, got both. Keep one of them."
