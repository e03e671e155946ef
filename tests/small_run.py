"""A small training run whose parts can be looked at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from charrnn_exp.config.schema import Config
from charrnn_exp.data.preparation import PreparedText, prepare_text
from charrnn_exp.evaluation.scorer import Scorer
from charrnn_exp.model.network import Network
from charrnn_exp.model.size import resolve
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.training.loop import Event, train
from charrnn_exp.training.optimizer import build_optimizer
from charrnn_exp.training.state import TrainingState, start_state
from tests.conftest import compose_small


@dataclass
class Run:
    """The parts of one run."""

    config: Config
    text: PreparedText
    state: TrainingState
    checkpoints: CheckpointStore

    def train(self, should_stop: Callable[[], bool] = lambda: False) -> list[Event]:
        return list(self.stream(should_stop))

    def stream(self, should_stop: Callable[[], bool] = lambda: False) -> Iterator[Event]:
        splits = self.text.splits
        scorer = None if splits.val_n is None else Scorer(self.state.network, splits.val_n, splits.val_starts)
        return train(
            self.state,
            config=self.config,
            text=self.text,
            scorer=scorer,
            checkpoints=self.checkpoints,
            should_stop=should_stop,
        )

    def resume(self) -> None:
        _, weights, training, _ = self.checkpoints.load_newest()
        self.state.restore(weights, training)


def start_small(*overrides: str, folder: Path) -> Run:
    """Return a run at step 0.

    Args:
        overrides: of the settings of a small run.
        folder: of its checkpoints.
    """
    config = compose_small(*overrides)
    text = prepare_text(config)
    num_symbols = len(text.corpus.vocabulary)
    network = Network(
        num_symbols=num_symbols,
        model=resolve(config.model, num_symbols=num_symbols),
        precision="float32",
        seed=config.seed,
        line_break=text.splits.line_break,
    )
    state = start_state(
        network,
        build_optimizer(config.optimizer, network),
        batch_size=config.training.batch_size,
        ema=config.training.ema_decay is not None,
        num_parts=config.training.parts or 1,
    )
    return Run(config, text, state, CheckpointStore(folder, facts={}, num_rolling=config.training.keep_checkpoints))


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Run]:
    """Return a function from overrides to a run at step 0 (or after its newest checkpoint, by `resume`)."""

    def start_run(*overrides: str, folder: str = "checkpoints") -> Run:
        return start_small(*overrides, folder=tmp_path / folder)

    return start_run
