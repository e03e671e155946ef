from tests.small_run import start

__all__ = ["start"]
