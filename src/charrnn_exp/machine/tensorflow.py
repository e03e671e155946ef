"""The import of TensorFlow, without the log lines that it writes to standard error."""

import contextlib
import gc
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from charrnn_exp.machine.compiled import keep_reductions
from charrnn_exp.machine.compiled_cache import compiled_earlier

UNUSED = ("sklearn", "pandas", "matplotlib")
"""Optional packages of Keras that are not needed here; they take a third of its import."""


def import_tensorflow(threads: int | None = None) -> int:
    """Import TensorFlow and Keras, set the number of threads and return it; only a failing import prints.

    Where TensorFlow has started already, as in a notebook, the number of threads is not changed.

    Args:
        threads: of kernels; None: one a core.
    """
    threads = threads or count_cores()
    preload_tensorflow(threads)
    import tensorflow as tf

    # The order of sums depends on the number of threads, so it is set here and stored with checkpoints.
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.get_logger().setLevel("ERROR")  # it warns of retracing, which each job of a sweep needs
    return find_threads()


def find_threads() -> int:
    """Return the threads of TensorFlow's kernels."""
    import tensorflow as tf

    return int(tf.config.threading.get_intra_op_parallelism_threads()) or count_cores()  # 0: nobody has set them


def preload_tensorflow(threads: int | None = None) -> None:
    """Import TensorFlow and Keras and start nothing of them, so that this process may be forked.

    Args:
        threads: that its kernels will have; None: one a core.
    """
    keep_reductions()
    if "keras" not in sys.modules:
        with compiled_earlier(threads or count_cores()):
            _import_quietly()


def _import_quietly() -> None:
    sys.stderr.flush()
    with tempfile.TemporaryFile() as captured:
        stderr = os.dup(2)
        os.dup2(captured.fileno(), 2)
        try:
            with _hidden(UNUSED), _uncollected():
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
    """Return the start time of this process, as time.time(): seconds of a run count from here."""
    with contextlib.suppress(OSError, ValueError, IndexError, AttributeError):  # another system than Linux
        # By the clock that the kernel counts in: the time of boot, which psutil adds, is rounded to a second.
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
        return time.time() - age
    return float(psutil.Process().create_time())


def count_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _hidden(packages: tuple[str, ...]) -> Iterator[None]:
    """Make packages that are not imported yet appear absent within the block."""
    hidden = [package for package in packages if package not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None is Python's own sign for "absent"
    try:
        yield
    finally:
        for package in hidden:
            del sys.modules[package]


@contextmanager
def _uncollected() -> Iterator[None]:
    """Look for no garbage within the block: an import leaves next to none, and the search is a fifth of its time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
