"""The way this program was called, for hints that a user can type."""

import sys
from pathlib import Path

MODULE, SCRIPT = "python -m charrnn_exp", "charrnn-exp"


def name_program() -> str:
    """Return the words that start this program: those of its console script if it was called by it.

    From Python (a notebook, a test) they are those that work everywhere.
    """
    return SCRIPT if Path(sys.argv[0] if sys.argv else "").stem == SCRIPT else MODULE
