"""A run whose views are made."""

from tests.viewed_run import viewed_run

__all__ = ["viewed_run"]
