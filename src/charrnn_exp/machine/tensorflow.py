"""The import of TensorFlow, without the lines it writes to standard error before anything can silence them."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

UNUSED = ("sklearn", "pandas", "matplotlib")
"""Packages that Keras imports where it finds them, for wrappers and pictures of its own: a third of its import."""


def import_tensorflow() -> None:
    """Import TensorFlow and Keras, and set its threads; what the import prints is shown only if it fails.

    Where TensorFlow is at work already, as in a notebook, its threads stay what they are.
    """
    if "keras" not in sys.modules:
        _import_quietly()
    import tensorflow as tf

    # Sums are added in another order by another number of threads, so it is set, and stored with checkpoints.
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(count_cores())
    tf.get_logger().setLevel("ERROR")  # it warns of functions traced anew, as the jobs of a sweep must be


def _import_quietly() -> None:
    sys.stderr.flush()
    with tempfile.TemporaryFile() as captured:
        stderr = os.dup(2)
        os.dup2(captured.fileno(), 2)
        try:
            with _hidden(UNUSED):
                import keras  # noqa: F401
                import tensorflow as tf

            tf.config.list_physical_devices()  # the search for a GPU prints too
        except BaseException:
            os.dup2(stderr, 2)
            captured.seek(0)
            sys.stderr.write(captured.read().decode(errors="replace"))
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def find_process_start() -> float:
    """Return when this process began, as time.time() tells it: what a person at the terminal has waited since."""
    return float(psutil.Process().create_time())


def count_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _hidden(packages: tuple[str, ...]) -> Iterator[None]:
    """Make packages that are not imported yet look absent for a while."""
    hidden = [package for package in packages if package not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None is Python's own sign for "absent"
    try:
        yield
    finally:
        for package in hidden:
            del sys.modules[package]
