"""Experiments with character-level recurrent language models: `python -m charrnn_exp --help`."""

import os

__version__ = "0.1.0"

# TensorFlow reads these at its import, wherever that happens first: no banner lines on a user's terminal.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
