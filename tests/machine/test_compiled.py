"""Compiled functions in a folder, for forks of a process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from charrnn_exp.machine.compiled import VARIABLE, compiled_functions_in

PROGRAM = """
import os, sys
from charrnn_exp.machine.compiled import compiled_functions_in
from charrnn_exp.machine.tensorflow import preload_tensorflow

with compiled_functions_in(sys.argv[1]):
    preload_tensorflow()
assert os.environ.get("TF_XLA_FLAGS") is None

def work():
    import tensorflow as tf

    double = tf.function(lambda x: tf.sin(x) * 2 + 1, jit_compile=True, autograph=False)
    result = double(tf.range(3.0)).numpy().tobytes().hex()
    (file,) = os.scandir(sys.argv[1])
    print(result, file.inode(), flush=True)  # a file that is written again has another number

for _ in range(2):
    if not (fork := os.fork()):
        work()
        os._exit(0)
    os.waitpid(fork, 0)
"""


@pytest.mark.slow
def test_a_second_fork_takes_what_the_first_has_compiled(tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"}
    environment.pop(VARIABLE, None)
    command = [sys.executable, "-P", "-c", PROGRAM, str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == second


@pytest.mark.parametrize("value", [None, "--tf_xla_deterministic_cluster_names=true"])
def test_the_variable_is_the_users_own_after_the_block(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(VARIABLE, value)
    with compiled_functions_in("/somewhere"):
        assert os.environ[VARIABLE].startswith(value or "--tf_xla_persistent_cache_directory=")
        assert '--tf_xla_persistent_cache_directory="/somewhere"' in os.environ[VARIABLE]
    assert os.environ.get(VARIABLE) == value


@pytest.mark.parametrize("value", ["--tf_xla_persistent_cache_directory=/mine", "file_of_flags"])
def test_a_cache_or_a_file_of_flags_of_the_user_stays(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, value)
    with compiled_functions_in("/somewhere"):
        assert os.environ[VARIABLE] == value
