"""The number format that auto means."""

from pathlib import Path

import pytest

from charrnn_exp.config.choices import Precision
from charrnn_exp.machine.precision import choose_precision


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("fpu amx_bf16 avx2", "bfloat16"), ("fpu avx512_bf16", "bfloat16"), ("fpu avx2 avx512f", "float32")],
)
def test_auto_is_bfloat16_only_where_the_processor_multiplies_it(tmp_path: Path, flags: str, expected: str) -> None:
    cpu_info = tmp_path / "cpuinfo"
    cpu_info.write_text(f"processor\t: 0\nflags\t\t: {flags}\n\nprocessor\t: 1\nflags\t\t: {flags}\n")
    assert choose_precision(Precision.auto, gpu=False, cpu_info=cpu_info) == expected


def test_auto_is_float32_where_nothing_is_known_of_the_processor(tmp_path: Path) -> None:
    assert choose_precision(Precision.auto, gpu=False, cpu_info=tmp_path / "absent") == "float32"


def test_auto_is_float32_on_a_gpu_whatever_the_processor(tmp_path: Path) -> None:
    cpu_info = tmp_path / "cpuinfo"
    cpu_info.write_text("flags\t\t: avx512_bf16\n")
    assert choose_precision(Precision.auto, gpu=True, cpu_info=cpu_info) == "float32"


@pytest.mark.parametrize("gpu", [False, True])
@pytest.mark.parametrize("precision", [Precision.float32, Precision.bfloat16])
def test_a_named_precision_is_taken_at_its_word(tmp_path: Path, precision: Precision, gpu: bool) -> None:
    assert choose_precision(precision, gpu=gpu, cpu_info=tmp_path / "absent") == precision.name
