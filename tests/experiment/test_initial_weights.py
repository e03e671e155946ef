"""The run that another starts from is found, and compared, in words and without a network."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charrnn_exp.config.choices import Unit
from charrnn_exp.data.vocabulary import Vocabulary
from charrnn_exp.errors import UserError
from charrnn_exp.experiment.initial_weights import find_sources, keep_source, read_initial_weights
from charrnn_exp.model.network import Network
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.training.optimizer import build_optimizer
from charrnn_exp.training.state import start_state

SYMBOLS = Vocabulary(Unit.char, tuple(map(ord, "abcdefg")))
PLACES = [Path(f"outputs/x/2026-01-0{day}/10-00-00-000000") for day in (1, 2)]

Leave = Callable[..., RunFolder]


@pytest.fixture
def leave_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compose: Any) -> Leave:
    """Return a function that leaves a run with checkpoints of some steps in a folder below the current one."""
    monkeypatch.chdir(tmp_path)

    def leave(place: Path, *overrides: str, steps: tuple[int, ...] = (), best: int = 0) -> RunFolder:
        config = compose(*overrides)
        folder = RunFolder(place)
        folder.create(config, SYMBOLS)
        network = Network(num_symbols=len(SYMBOLS), model=config.model, precision="float32", seed=1)
        state = start_state(network, build_optimizer(config.optimizer, network), batch_size=2, ema=False)
        store = CheckpointStore(folder.checkpoints, facts={"vocabulary_sha256": SYMBOLS.sha256}, num_rolling=9)
        for step in steps:
            state.progress.step, state.progress.best_step = step, best if step >= best else 0
            state.progress.best_val_loss = 2.0
            network.trainable_variables[-1].assign(np.full(len(SYMBOLS), step))
            store.save(state.snapshot(), kept=False)
        return folder

    return leave


def test_latest_is_found_once_and_stands_in_the_settings_as_a_place_that_may_move(
    leave_run: Leave, compose: Any
) -> None:
    for place in PLACES:
        leave_run(place, steps=(1,))
    jobs = [compose("training.init_from=latest"), compose(), compose(f"training.init_from={PLACES[0].absolute()}")]
    sources = find_sources(jobs)
    leave_run(Path("outputs/x/2026-01-03/10-00-00-000000"), steps=(1,))
    found = [keep_source(job, sources).training.init_from for job in jobs]
    assert found == [str(PLACES[1]), None, str(PLACES[0])]
    assert keep_source(jobs[1], sources) == jobs[1]


@pytest.mark.parametrize("reference", ["nowhere", "latest", "."])
def test_a_run_that_is_none_is_told_by_the_name_of_the_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compose: Any, reference: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"^training\.init_from must be .*a run folder.*, got"):
        find_sources([compose(f"training.init_from={reference}")])


@pytest.mark.parametrize(("steps", "best", "expected"), [((3, 5, 8), 5, 5), ((3, 5, 8), 0, 8)])
def test_the_best_weights_are_read_else_the_newest(
    leave_run: Leave, compose: Any, steps: tuple[int, ...], best: int, expected: int
) -> None:
    leave_run(PLACES[0], steps=steps, best=best)
    config = compose(f"training.init_from={PLACES[0]}", "model.dropout=0.3", "seed=7")
    initial = read_initial_weights(config, Vocabulary(Unit.char, (ord("a"), ord("z"))))
    assert initial is not None
    assert initial.arrays["output.bias"].tolist() == [expected] * len(SYMBOLS)
    assert initial.source == f"{PLACES[0]}/checkpoints/step_{expected:010d}"
    assert initial.vocabulary == SYMBOLS


def test_off_reads_nothing(compose: Any) -> None:
    assert read_initial_weights(compose(), SYMBOLS) is None


def test_every_difference_of_the_models_is_told_at_once(leave_run: Leave, compose: Any) -> None:
    leave_run(PLACES[0], steps=(1,))
    words = [f"training.init_from={PLACES[0]}", "model=gru", "model.embedding_dim=null", "model.hidden_size=6"]
    with pytest.raises(UserError) as caught:
        read_initial_weights(compose(*words), Vocabulary(Unit.byte, SYMBOLS.code_points))
    source = f"as in training.init_from={PLACES[0]}"
    assert caught.value.lines == [
        f"model.cell must be lstm, {source}, got gru.",
        f"model.embedding_dim must be 3, {source}, got null.",
        f"model.hidden_size must be 5, {source}, got 6.",
        f"dataset.unit must be char, {source}, got byte.",
    ]


def test_a_run_without_a_checkpoint_or_a_common_symbol_is_refused(leave_run: Leave, compose: Any) -> None:
    leave_run(PLACES[0])
    config = compose(f"training.init_from={PLACES[0]}")
    with pytest.raises(UserError, match=r"^training\.init_from must be a run with a checkpoint, got .* Resume"):
        read_initial_weights(config, SYMBOLS)
    with pytest.raises(UserError, match="must be a run with symbols of this text, got one that shares none"):
        read_initial_weights(config, Vocabulary(Unit.char, (ord("x"),)))


def test_a_budget_that_pays_for_other_sizes_with_other_symbols_is_told_at_once(leave_run: Leave, compose: Any) -> None:
    budget = ("model.hidden_size=null", "model.parameter_budget=900")
    leave_run(PLACES[0])
    config = compose(*budget, f"training.init_from={PLACES[0]}")
    with pytest.raises(UserError, match=r"model\.hidden_size must be 5, as in training\.init_from=.*, got "):
        read_initial_weights(config, SYMBOLS)
