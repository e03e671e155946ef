"""`python -m charrnn_exp`."""

import os
import sys


def forget_current_folder() -> None:
    """Take the current folder off the module search path, here and in the processes that this one starts.

    `python -m` puts it first, so that a file beside the data, named like a library or `hydra_plugins/`, would be run.
    It stays where the program itself is run from it: a checkout's src/.
    """
    here = os.path.realpath(sys.path[0])
    if not sys.flags.safe_path and here != os.path.dirname(os.path.dirname(os.path.realpath(__file__))):
        del sys.path[0]
        os.environ["PYTHONSAFEPATH"] = "1"


if __name__ == "__main__":
    forget_current_folder()
    from charrnn_exp.cli import run

    run()
