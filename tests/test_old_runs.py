"""Runs of older versions, kept in tests/data: they are scored, sampled and resumed as by the version that made them."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charrnn_exp.cli import main
from charrnn_exp.machine.arithmetic import describe_arithmetic
from charrnn_exp.model.network import build_network
from charrnn_exp.model.size import resolve
from charrnn_exp.model.weights import load_weights
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.versions import NUMERICS, SETTINGS, read_versions
from charrnn_exp.tracking.provenance import list_versions
from tests.data.make_runs import NEXT

RUNS = sorted(path.with_suffix("") for path in (Path(__file__).parent / "data").glob("runs_*/*.json"))
FAST = ("runs_cce24c3 averages",)
"""Those that `make test` looks at; the others are for `make test-slow`."""
NEAR = 1e-4
"""Nats per character by which losses may differ on another machine."""
CLEAR = 0.05
"""Log-probability by which the best symbol must lead to be drawn on every machine."""


def name(path: Path) -> str:
    return f"{path.parent.name} {path.name}"


@pytest.fixture(
    params=[pytest.param(path, marks=[] if name(path) in FAST else pytest.mark.slow) for path in RUNS], ids=name
)
def old(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A copy of the run, with its text where its settings say."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(request.param.parent / "text.txt", tmp_path)
    shutil.copy(request.param.with_suffix(".json"), tmp_path / "expected.json")
    return RunFolder(Path(shutil.copytree(request.param, tmp_path / request.param.name)).relative_to(tmp_path))


def test_an_older_run_is_scored_sampled_and_resumed_as_it_was_then(
    old: RunFolder, capfd: pytest.CaptureFixture[str]
) -> None:
    expected = json.loads(Path("expected.json").read_text())
    same = is_same_arithmetic(old)
    before = hash_files(old.path)

    assert read_numbers(call(capfd, "evaluate", old)) == pytest.approx(read_numbers(expected["evaluate"]), abs=NEAR)
    assert count_clear_symbols(old, expected["greedy"]) > 3
    if same:
        found = call(capfd, "evaluate", old).splitlines()
        then = expected["evaluate"].splitlines()
        assert [line[: len(then[0])] for line in found] == then, "columns came after those of then"
        for temperature, text in ((0, expected["greedy"]), (1, expected["drawn"])):
            assert call(capfd, "sample", old, f"sampling.temperature={temperature}", *NEXT) == text
    else:
        assert call(capfd, "sample", old, *NEXT).startswith("the")
    assert hash_files(old.path) == before

    call(capfd, "resume", old, *expected["resume"])
    summary = old.read_summary()
    assert (summary.status, summary.step) == ("FINISHED", expected["step"])
    rows = [json.loads(line) for line in old.metrics.read_text().splitlines()]
    rows = [{key: value for key, value in row.items() if key != "chars_per_second"} for row in rows]
    # By other numerics averages move otherwise, and dropout draws other masks.
    config = old.read_config()
    is_averaged, has_masks = config.training.ema_decay is not None, config.model.dropout > 0 and not same
    for key in ("train_loss", "val_loss_raw" if is_averaged and not same else "val_loss"):
        found, then = ([row[key] for row in each if key in row] for each in (rows, expected["metrics"]))
        assert found == pytest.approx(then, abs=0.05 if has_masks else NEAR)
    if same:
        assert rows == expected["metrics"]
        weights = old.checkpoints / f"step_{expected['step']:010d}" / "weights.npz"
        assert hashlib.sha256(weights.read_bytes()).hexdigest() == expected["weights_sha256"]
    versions = read_versions(old.versions)
    assert (versions.settings, versions.numerics) == (SETTINGS, NUMERICS)


def test_the_runs_that_are_kept_are_small() -> None:
    assert len(RUNS) >= 4
    assert {*FAST} <= {name(path) for path in RUNS}
    for path in RUNS:
        assert sum(each.stat().st_size for each in path.rglob("*") if each.is_file()) < 150_000
        assert not list(path.rglob(".lock"))


def call(capfd: pytest.CaptureFixture[str], verb: str, run: RunFolder, *words: str) -> str:
    capfd.readouterr()
    code = main([verb, f"run={run.path}", *words])
    captured = capfd.readouterr()
    assert code == 0, captured.err
    return captured.out


def is_same_arithmetic(run: RunFolder) -> bool:
    """Return whether the run's numbers can be those of this process to the last bit."""
    manifest = find_store(run).find_all()[-1].read_manifest()
    then, now = manifest["versions"], list_versions()
    return (
        manifest.get("numerics", 1) == NUMERICS
        and {**manifest["machine"], "parts": ""} == {**describe_arithmetic(), "parts": ""}  # of training alone
        # Our own version stands for nothing that numerics does not tell.
        and {**then, "charrnn_exp": ""} == {**now, "charrnn_exp": ""}
    )


def count_clear_symbols(run: RunFolder, text: str) -> int:
    """Check that where one symbol leads clearly after a piece of the text, it comes next; return how many do."""
    config, vocabulary = run.read_config(), run.read_vocabulary()
    model = resolve(config.model, num_symbols=len(vocabulary))
    network = build_network(model, num_symbols=len(vocabulary), precision=config.training.precision, seed=config.seed)
    load_weights(network, find_store(run).load_newest()[1])
    ids_t = vocabulary.encode(text.removesuffix("\n"), key="text")
    logits_btv, _ = network(np.asarray(ids_t)[None, :-1], network.first_states(1))
    logits_tv = np.asarray(logits_btv)[0]
    num_clear = 0
    for t in range(len("the") - 1, len(ids_t) - 1):
        second, first = np.sort(logits_tv[t])[-2:]
        if first - second > CLEAR:
            assert int(np.argmax(logits_tv[t])) == ids_t[t + 1]
            num_clear += 1
    return num_clear


def find_store(run: RunFolder) -> CheckpointStore:
    return CheckpointStore(run.checkpoints, facts={}, num_rolling=1)


def read_numbers(table: str) -> list[float]:
    """Return nats per character, the first column, of each split."""
    return [float(line.split()[1]) for line in table.splitlines()[1:]]


def hash_files(folder: Path) -> dict[str, Any]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }
