"""The import of TensorFlow, without the lines it writes to standard error before anything can silence them."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

UNUSED = ("sklearn", "pandas", "matplotlib")
"""Packages that Keras imports where it finds them, for wrappers and pictures of its own: a third of its import."""


def import_tensorflow() -> None:
    """Import TensorFlow and Keras; what they print is shown only if the import fails."""
    if "keras" in sys.modules:
        return
    sys.stderr.flush()
    with tempfile.TemporaryFile() as captured:
        stderr = os.dup(2)
        os.dup2(captured.fileno(), 2)
        try:
            with _hidden(UNUSED):
                import keras  # noqa: F401
                import tensorflow as tf

            tf.config.list_physical_devices()  # the search for a GPU prints too
            tf.get_logger().setLevel("ERROR")  # it warns of functions traced anew, as the jobs of a sweep must be
        except BaseException:
            os.dup2(stderr, 2)
            captured.seek(0)
            sys.stderr.write(captured.read().decode(errors="replace"))
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


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
