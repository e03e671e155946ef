"""The import of TensorFlow, in a process of its own."""

import subprocess
import sys
import time

import pytest

PROGRAM = """
import gc, sys
from charrnn_exp.machine.tensorflow import UNUSED, import_tensorflow
before = gc.get_stats()[2]["collections"]
import_tensorflow()
assert gc.isenabled()
assert gc.get_stats()[2]["collections"] - before <= 1, "the import looks for garbage"
assert {"tensorflow", "keras"} <= set(sys.modules)
print(*(name for name in UNUSED if name in sys.modules))
import sklearn, pandas, matplotlib.pyplot
print(sklearn.__name__, pandas.__name__, matplotlib.pyplot.__name__)
"""


@pytest.mark.slow
def test_the_import_is_silent_and_leaves_out_what_can_be_imported_later() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120, check=True)
    assert (done.stdout, done.stderr) == ("\nsklearn pandas matplotlib.pyplot\n", "")


STARTED = """
import time
from charrnn_exp.machine.tensorflow import find_process_start
print(time.time(), find_process_start())
"""


def test_the_start_of_a_process_is_known_to_some_hundredths_of_a_second() -> None:
    before = time.time()
    done = subprocess.run(
        [sys.executable, "-S", "-c", "import sys; sys.path[:] = sys.argv[1:]\n" + STARTED, *sys.path],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    now, found = map(float, done.stdout.split())
    assert before - 0.03 <= found <= now
    assert found - before < 0.2
