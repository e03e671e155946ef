"""A run is known by what was asked for, wherever it ran."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from charrnn_exp.api import run
from charrnn_exp.config.choices import Precision
from charrnn_exp.experiment.identity import hash_job
from charrnn_exp.experiment.job import Job
from charrnn_exp.experiment.prepare import prepare_run, start_run
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.views.terminal import Terminal
from tests.conftest import compose_small

WORDS = ["training.max_steps=1", "sampling.seed=null"]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow
def test_a_seed_that_is_drawn_does_not_make_another_run() -> None:
    config = compose_small(*WORDS)
    prepared = prepare_run(config, terminal=Terminal())
    ended = [run(config) for _ in range(2)]
    (manifest, *_) = ended[0].folder.glob("checkpoints/step_*/manifest.json")
    machine = json.loads(manifest.read_text())["machine"]
    threads, parts = int(machine["threads"]), int(machine.get("parts", 1))
    asked = hash_job(prepared, threads=threads, parts=parts)
    assert [RunFolder(each.folder).read_summary().job_hash for each in ended] == [asked, asked]
    assert len({RunFolder(each.folder).read_config().sampling.seed for each in ended}) == 2
    drawn = prepare_run(compose_small(*WORDS[:1]), terminal=Terminal())
    assert hash_job(drawn, threads=threads, parts=parts) != asked


@pytest.mark.slow
def test_a_job_has_the_hash_that_its_sweep_planned_on_another_machine() -> None:
    config = compose_small(*WORDS)
    config = replace(config, training=replace(config.training, precision=Precision.auto))
    prepared = prepare_run(config, terminal=Terminal())
    there = [hash_job(prepared, threads=1, parts=1, precision=each) for each in ("bfloat16", "float32", "auto")]
    assert len(set(there)) == 3
    job = Job.of(prepared, RunFolder(Path("outputs/a/0")), name="a", began=0.0)
    start_run(replace(job, hash=there[0]), Terminal())
    assert job.folder.read_summary().job_hash == there[0]
