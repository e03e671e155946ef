"""The import of TensorFlow, in a process of its own."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
from charrnn_exp.machine.tensorflow import UNUSED, import_tensorflow
import_tensorflow()
assert {"tensorflow", "keras"} <= set(sys.modules)
print(*(name for name in UNUSED if name in sys.modules))
import sklearn, pandas, matplotlib.pyplot
print(sklearn.__name__, pandas.__name__, matplotlib.pyplot.__name__)
"""


@pytest.mark.slow
def test_the_import_is_silent_and_leaves_out_what_can_be_imported_later() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120, check=True)
    assert (done.stdout, done.stderr) == ("\nsklearn pandas matplotlib.pyplot\n", "")
