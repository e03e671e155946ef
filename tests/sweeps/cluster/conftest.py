"""A run as its folder sends it to MLflow."""

from tests.sent_run import sent_files

__all__ = ["sent_files"]
