"""Checks of the settings of the sampler."""

import math
from collections.abc import Iterator

from charrnn_exp.config.checks.extra import find_filter_problems, find_value_problems
from charrnn_exp.config.checks.ranges import at_least, between
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
    if sampling.seed is not None and not 0 <= sampling.seed < 2**31:
        yield f"sampling.seed must be in [0, 2147483647], got {sampling.seed}."
    if sampling.beams is not None:
        yield from between("sampling.beams", sampling.beams, 1, 1_000)
        if not sampling.num_samples <= max(1, sampling.beams):
            yield (
                f"sampling.num_samples must be at most sampling.beams={sampling.beams}, got {sampling.num_samples}: "
                "a search finds as many texts as it has beams."
            )
    for name, every in (("every_epochs", sampling.every_epochs), ("every_steps", sampling.every_steps)):
        if every is not None:
            yield from at_least(f"sampling.{name}", every, 1)
    if sampling.stop == "":
        yield "sampling.stop must hold at least one character, got ''. null lets a sample have its whole length."
    if sampling.prompt == "":
        yield "sampling.prompt must hold at least one character, got ''. null lets the text choose."
    if sampling.prompt is not None and sampling.prompt_file is not None:
        yield "sampling.prompt_file must be null when sampling.prompt is set, got both. Keep one of them."
