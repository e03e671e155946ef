"""A small training run whose parts can be looked at."""

from tests.small_run import start

__all__ = ["start"]
