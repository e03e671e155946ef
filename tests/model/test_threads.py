"""Which threads and parts a run takes."""

from dataclasses import replace
from typing import Any

import pytest

from charrnn_exp.model import threads
from charrnn_exp.model.size import SizedModel
from charrnn_exp.model.threads import (
    Workers,
    choose_parts,
    choose_workers,
    choose_workers_in_sweep,
    choose_workers_of_process,
)
from tests.conftest import compose_small

LARGE = threads.LARGEST_IN_PARTS + 1


@pytest.mark.parametrize(
    ("num_cores", "hidden_size", "settings", "expected"),
    [
        (2, 128, {}, ((1, 2), (1, 1), (2, 1))),
        (2, LARGE, {}, ((2, 1), (2, 1), (2, 1))),
        (1, 128, {}, ((1, 1), (1, 1), (1, 1))),
        (8, 128, {}, ((8, 1), (1, 1), (8, 1))),
        (2, 128, {"batch_size": 3}, ((2, 1), (1, 1), (2, 1))),
        (2, 128, {"threads": 2}, ((2, 1), (2, 1), (2, 1))),
        (2, 128, {"threads": 1}, ((1, 1), (1, 1), (1, 1))),
        (2, LARGE, {"parts": 2}, ((1, 2), (1, 2), (1, 2))),
        (8, LARGE, {"parts": 2}, ((4, 2), (4, 2), (4, 2))),
        (2, LARGE, {"parts": 4}, ((1, 4), (1, 4), (1, 4))),
        (2, 128, {"parts": 1}, ((2, 1), (1, 1), (2, 1))),
        (2, 128, {"devices": 4}, ((1, 4), (1, 4), (1, 4))),
        (2, 128, {"devices": 2, "parts": 4, "threads": 3}, ((3, 4), (3, 4), (3, 4))),
    ],
)
def test_the_rule_goes_by_size_cores_and_what_is_set(
    small_model: SizedModel,
    monkeypatch: pytest.MonkeyPatch,
    num_cores: int,
    hidden_size: int,
    settings: dict[str, Any],
    expected: tuple[tuple[int, int], ...],
) -> None:
    """Alone, in a sweep, and in a process with other runs."""
    monkeypatch.setattr(threads, "count_cores", lambda: num_cores)
    monkeypatch.setattr(threads, "read_cpu_flags", lambda _: {"avx2"})
    model, training = replace(small_model, hidden_size=hidden_size), replace(compose_small().training, **settings)
    choices = (choose_workers, choose_workers_in_sweep, choose_workers_of_process)
    assert tuple(choose(model, training) for choose in choices) == expected


@pytest.mark.parametrize(("gpu", "flag", "expected"), [(False, "amx_bf16", (2, 1)), (True, "avx2", (2, 1))])
def test_there_are_no_parts_where_they_are_slower(
    small_model: SizedModel, monkeypatch: pytest.MonkeyPatch, gpu: bool, flag: str, expected: tuple[int, int]
) -> None:
    monkeypatch.setattr(threads, "count_cores", lambda: 2)
    monkeypatch.setattr(threads, "read_cpu_flags", lambda _: {flag})
    assert choose_workers(small_model, compose_small().training, gpu=gpu) == expected
    assert choose_workers(small_model, replace(compose_small().training, parts=2), gpu=gpu) == (1, 2)


@pytest.mark.parametrize(
    ("cores", "threads", "batch_size", "gpu", "expected"),
    [(2, 1, 4, False, 2), (2, 2, 4, False, 1), (2, 1, 3, False, 1), (2, 1, 4, True, 1), (64, 1, 64, False, 1)],
)
def test_parts_keep_the_other_core_busy_where_another_run_has_set_the_threads(
    monkeypatch: pytest.MonkeyPatch, cores: int, threads: int, batch_size: int, gpu: bool, expected: int
) -> None:
    monkeypatch.setattr("charrnn_exp.model.threads.count_cores", lambda: cores)
    assert choose_parts(threads, batch_size, gpu=gpu) == expected


def test_a_job_keeps_as_many_cores_busy_as_it_has_threads_or_parts() -> None:
    assert [Workers(*each).cores for each in ((1, 1), (1, 2), (4, 2), (2, 4))] == [1, 2, 4, 4]
