"""Experiments with character-level recurrent language models: `python -m charrnn_exp --help`.

The name of an array ends in its axes, a letter each: `logits_btv` has streams, time and vocabulary. A digit is a size:
`scale_m1` has one column. The letters mean the same in every module; tests/test_axes.py reads them here.

    a   batch of an update
    b   stream
    e   input features
    g   block
    h   hidden units
    k   matrix columns
    l   line
    m   matrix rows
    n   character
    p   scored character
    q   batch of an epoch
    s   update
    t   time
    u   distinct value
    v   vocabulary
    w   place in a window
    z   gates
"""

import os

__version__ = "0.1.0"

# TensorFlow reads these at its import, wherever that happens first: no banner lines on a user's terminal.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
