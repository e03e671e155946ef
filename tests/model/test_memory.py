"""Memory: what is estimated before it is taken, and what is said when it runs out."""

import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from charrnn_exp.config.schema import Config
from charrnn_exp.errors import MachineError
from charrnn_exp.model import memory
from charrnn_exp.model.cells.gru import CELL as GRU
from charrnn_exp.model.memory import (
    check_memory,
    check_sampling_memory,
    check_scoring_memory,
    estimate_bytes,
    find_free_bytes,
)
from charrnn_exp.model.network import Network, count_parameters
from charrnn_exp.model.size import count_weights, resolve
from tests.conftest import SMALL


def estimate(config: Config) -> int:
    return estimate_bytes(resolve(config.model, num_symbols=7), config.training, num_symbols=7)


def test_the_estimate_counts_the_weights_as_the_network_does(compose: Any) -> None:
    config = compose("model=gru", "model.num_layers=3", "training.batch_size=1", "training.sequence_length=1")
    weights = count_parameters(Network(num_symbols=7, model=config.model, precision="float32", seed=1))
    copies = GRU.kept_copies * 3 + GRU.passing_copies
    others = copies * 5 + memory.LOGIT_COPIES * 7
    assert estimate(config) == 4 * (memory.WEIGHT_COPIES * weights + others)


@pytest.mark.parametrize(
    "override", ["model.layer_norm=true", "training.gradient_accumulation_steps=2", "model.num_layers=2"]
)
def test_what_takes_memory_is_in_the_estimate(compose: Any, override: str) -> None:
    assert estimate(compose(override)) > estimate(compose())


def test_half_the_bits_take_less_memory_and_a_budget_as_much_as_its_size(compose: Any) -> None:
    full = estimate(compose())
    assert 0.4 * full < estimate(compose("training.precision=bfloat16")) < full
    of_budget = compose("model.hidden_size=null", "model.parameter_budget=278")
    assert resolve(of_budget.model, num_symbols=7).hidden_size == 5
    assert estimate(of_budget) == full


def test_what_will_not_fit_is_refused_before_it_is_tried(compose: Any) -> None:
    config = compose("model.hidden_size=16384", "model.num_layers=4", "training.batch_size=1000")
    with pytest.raises(
        MachineError, match=r"this model and batch size need about [0-9,.]+ GiB, .* lower training.batch_size"
    ):
        check_memory(resolve(config.model, num_symbols=65), config.training, num_symbols=65)
    check_memory(resolve(compose().model, num_symbols=65), compose().training, num_symbols=65)


def test_texts_that_will_not_fit_are_refused_before_they_are_drawn(compose: Any) -> None:
    config = compose("sampling.num_samples=10000", "sampling.length=10000000")
    model = resolve(config.model, num_symbols=65)
    with pytest.raises(MachineError, match=r"10,000 texts of 10,000,000 characters .* lower sampling.num_samples"):
        check_sampling_memory(model, config.sampling, num_symbols=65)
    # One text is written as it is drawn.
    check_sampling_memory(model, compose("sampling.length=10000000").sampling, num_symbols=65)


def test_a_model_too_large_for_the_machine_is_neither_sampled_nor_scored(
    compose: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = compose()
    model = resolve(config.model, num_symbols=65)
    check_scoring_memory(model, num_symbols=65)
    monkeypatch.setattr(memory, "find_free_bytes", lambda: 4 * count_weights(model, num_symbols=65))
    with pytest.raises(MachineError, match="score it on a machine with more memory"):
        check_scoring_memory(model, num_symbols=65)
    with pytest.raises(MachineError, match="sample on a machine with more memory"):
        check_sampling_memory(model, config.sampling, num_symbols=65)


def test_a_limit_of_the_control_group_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    (tmp_path / "memory.max").write_text("5000\n")
    (tmp_path / "memory.current").write_text("2000\n")
    (tmp_path / "memory.stat").write_text("anon 700\nfile 900\nshmem 200\nactive_file 300\ninactive_file 400\n")
    assert find_free_bytes() == 3700
    (tmp_path / "memory.max").write_text("max\n")
    assert find_free_bytes() > 1 << 20


@pytest.mark.slow
@pytest.mark.alone  # the estimate asks for 3.8 GiB, which tests beside it may have taken
def test_memory_that_runs_out_is_one_line_and_an_error_of_the_machine(tmp_path: Path) -> None:
    """A real process that may take no more than so much: TensorFlow's own error, in our words."""
    limit = 4 << 30
    words = [
        *SMALL,
        "dataset.max_bytes=120000",
        "model.hidden_size=1000",
        "training.batch_size=200",
        "training.sequence_length=200",
    ]
    ended = subprocess.run(
        [sys.executable, "-m", "charrnn_exp", *words],
        cwd=tmp_path,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert ended.returncode == MachineError.exit_code, ended.stderr
    (line,) = ended.stderr.splitlines()
    assert "out of memory for this model and batch size: lower " in line
