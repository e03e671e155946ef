"""Compiled functions in a folder, for forks of a process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from charrnn_exp.machine.compiled import (
    KEPT,
    VARIABLE,
    XLA_VARIABLE,
    compiled_functions_in,
    drop_ours,
    keep_reductions,
    keeps_reductions,
)

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


REDUCTIONS = """
from charrnn_exp.machine.tensorflow import import_tensorflow

import_tensorflow()
import tensorflow as tf

highest = tf.function(lambda x_vt: tf.reduce_max(x_vt, axis=0), jit_compile=True, autograph=False)
print(highest.experimental_get_compiler_ir(tf.ones([99, 3200]))(stage="optimized_hlo"))
"""


@pytest.mark.slow
@pytest.mark.parametrize(("flags", "expected"), [("", False), ("--xla_cpu_experimental_ynn_fusion_type=reduce", True)])
def test_xla_makes_reductions_itself_where_two_threads_may_run_a_function(flags: str, expected: bool) -> None:
    """Handed to a library, runs in two parts could end by a fault of memory at their first update."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), XLA_VARIABLE: flags}
    command = [sys.executable, "-P", "-c", REDUCTIONS]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True)
    assert "reduce(" in done.stdout
    assert ("__ynn_fusion" in done.stdout) == expected


def test_xla_makes_the_reductions_of_this_process() -> None:
    highest = tf.function(lambda x_vt: tf.reduce_max(x_vt, axis=0), jit_compile=True, autograph=False)
    # Without a device TensorFlow asks a random operation for one, which needs a seed where kernels are deterministic.
    with pytest.warns(UserWarning, match="device_name"):
        compiled = highest.experimental_get_compiler_ir(tf.ones([99, 3200]))("optimized_hlo", "/device:CPU:0")
    assert "reduce(" in compiled
    assert "__ynn_fusion" not in compiled
    assert keeps_reductions()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, KEPT),
        ("", KEPT),
        (KEPT, KEPT),
        ("--xla_cpu_max_isa=AVX2", f"--xla_cpu_max_isa=AVX2 {KEPT}"),
        ("--xla_cpu_experimental_ynn_fusion_type=reduce", "--xla_cpu_experimental_ynn_fusion_type=reduce"),
        (" --xla_cpu_max_isa=AVX2", f"--xla_cpu_max_isa=AVX2 {KEPT}"),
        (f"{KEPT},-individual_dot", f"{KEPT},-individual_dot"),
        (f"--a {KEPT} --b", f"--a {KEPT} --b"),
        ("/home/me/flags", "/home/me/flags"),
    ],
)
def test_flags_of_the_user_stay(before: str | None, after: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(XLA_VARIABLE, raising=False)
    monkeypatch.delitem(sys.modules, "tensorflow")  # this is about a process that has not imported it
    if before is not None:
        monkeypatch.setenv(XLA_VARIABLE, before)
    keep_reductions()
    keep_reductions()
    assert os.environ[XLA_VARIABLE] == after
    assert drop_ours(after) == ("" if before in (None, KEPT) else before.strip())


def test_nothing_is_promised_where_tensorflow_was_imported_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(XLA_VARIABLE)
    keep_reductions()
    assert XLA_VARIABLE not in os.environ
    assert not keeps_reductions()
