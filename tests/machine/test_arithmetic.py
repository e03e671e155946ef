"""What may move the last digits."""

import pytest

from charrnn_exp.machine.arithmetic import describe_arithmetic
from charrnn_exp.machine.tensorflow import find_threads


def test_what_the_arithmetic_depends_on_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=false")
    facts = describe_arithmetic()
    assert facts["device"] == "cpu"
    assert facts["threads"] == str(find_threads())
    assert facts["XLA_FLAGS"] == "--xla_cpu_enable_fast_math=false"
    assert all(isinstance(value, str) for value in facts.values())
