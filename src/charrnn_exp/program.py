"""The words that start this program, for hints that a user can type."""

import sys
from pathlib import Path

MODULE, SCRIPT = "python -m charrnn_exp", "charrnn-exp"


def name_program() -> str:
    """Return `charrnn-exp` if the console script was called, else `python -m charrnn_exp`."""
    return SCRIPT if Path(sys.argv[0] if sys.argv else "").stem == SCRIPT else MODULE
