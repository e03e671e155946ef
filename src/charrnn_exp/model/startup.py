"""The import of TensorFlow, without the lines it writes to standard error before anything can silence them."""

import os
import sys
import tempfile


def import_tensorflow() -> None:
    """Import TensorFlow and Keras; what they print is shown only if the import fails."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as captured:
        stderr = os.dup(2)
        os.dup2(captured.fileno(), 2)
        try:
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
