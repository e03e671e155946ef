"""Weights go from run to run symbol by symbol.

Axes: v symbols, e embedding, h hidden.
"""

from typing import Any

import numpy as np
import pytest

from charrnn_exp.config.choices import Unit
from charrnn_exp.data.vocabulary import Vocabulary
from charrnn_exp.errors import MachineError
from charrnn_exp.evaluation.scorer import Scorer
from charrnn_exp.model.weights import load_weights, read_weights
from charrnn_exp.run_folder.arrays import Arrays
from charrnn_exp.training.transfer import NEW_SHARE, InitialWeights

E, H = 3, 5
OLD, NEW = Vocabulary(Unit.byte, (2, 3, 5, 7, 11, 13)), Vocabulary(Unit.byte, (0, 3, 5, 6, 11, 12, 13, 14))
KNOWN = {3, 5, 11, 13}


def draw(vocabulary: Vocabulary, kind: str, *, seed: int, hidden: int = H) -> Arrays:
    """Weights as three kinds of network name them, each number another."""
    v, generator = len(vocabulary), np.random.default_rng(seed)
    inputs = {"one-hot": v}.get(kind, E)
    shapes: dict[str, tuple[int, ...]] = {
        "embedding.embeddings": (v, E),
        "gru_1.kernel": (inputs, 3 * hidden),
        "gru_1.recurrent_kernel": (hidden, 3 * hidden),
        "gru_2.kernel": (hidden, 3 * hidden),
        "output.projection": (hidden, E),
        "output.kernel": (hidden, v),
        "output.bias": (v,),
    }
    absent = {"plain": ["output.projection"], "one-hot": ["embedding.embeddings", "output.projection"]}
    for name in absent.get(kind, ["output.kernel"]):
        del shapes[name]
    return {name: generator.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def by_symbol(array: Any, axis: int, vocabulary: Vocabulary) -> dict[int, Any]:
    return {point: np.take(array, i, axis) for i, point in enumerate(vocabulary.code_points)}


@pytest.mark.parametrize(
    ("kind", "axes"),
    [
        ("plain", {"embedding.embeddings": 0, "output.kernel": 1, "output.bias": 0}),
        ("one-hot", {"gru_1.kernel": 0, "output.kernel": 1, "output.bias": 0}),
        ("tied", {"embedding.embeddings": 0, "output.bias": 0}),
    ],
)
def test_what_belongs_to_a_known_symbol_is_kept_and_what_belongs_to_none_too(kind: str, axes: dict[str, int]) -> None:
    old, fresh = draw(OLD, kind, seed=1), draw(NEW, kind, seed=2)
    fitted = InitialWeights("old", old, OLD).fit(fresh, NEW)
    assert {name: array.shape for name, array in fitted.items()} == {name: a.shape for name, a in fresh.items()}
    for name, array in fitted.items():
        if name not in axes:
            np.testing.assert_array_equal(array, old[name])
            continue
        found, before, drawn = (
            by_symbol(each, axes[name], vocabulary)
            for each, vocabulary in ((array, NEW), (old[name], OLD), (fresh[name], NEW))
        )
        for point in NEW.code_points:
            if point in KNOWN:
                np.testing.assert_array_equal(found[point], before[point])
            elif not name.startswith("output") and kind != "tied":
                np.testing.assert_array_equal(found[point], drawn[point])
            else:
                mean = np.mean([before[known] for known in KNOWN], 0)
                low = np.log(4 / 4 / NEW_SHARE) if name == "output.bias" else 0.0
                np.testing.assert_allclose(found[point], mean - low, rtol=1e-5)


@pytest.mark.parametrize("kind", ["plain", "tied"])
@pytest.mark.parametrize("scale", [0.1, 1.0, 30.0])
def test_new_symbols_take_next_to_nothing_from_the_known_ones_whatever_the_weights(kind: str, scale: float) -> None:
    old = {name: scale * array for name, array in draw(OLD, kind, seed=3).items()}
    fitted = InitialWeights("old", old, OLD).fit(draw(NEW, kind, seed=4), NEW)
    hidden_nh = np.random.default_rng(5).normal(size=(500, H))
    kernel_hv = (
        fitted["output.kernel"] if kind == "plain" else fitted["output.projection"] @ fitted["embedding.embeddings"].T
    )
    logits_nv = hidden_nh @ kernel_hv + fitted["output.bias"]
    shares_nv = np.exp(logits_nv - logits_nv.max(1, keepdims=True))
    shares_nv /= shares_nv.sum(1, keepdims=True)
    new = [i for i, point in enumerate(NEW.code_points) if point not in KNOWN]
    assert 0 < shares_nv[:, new].sum(1).max() < NEW_SHARE


def test_the_same_symbols_take_all_weights_as_they_are() -> None:
    old = draw(OLD, "plain", seed=1)
    fitted = InitialWeights("old", old, OLD).fit(draw(OLD, "plain", seed=2), OLD)
    assert {name: array.tobytes() for name, array in fitted.items()} == {name: a.tobytes() for name, a in old.items()}


def test_weights_of_another_model_are_refused_shape_by_shape() -> None:
    initial = InitialWeights("old", draw(OLD, "plain", seed=1), OLD)
    with pytest.raises(MachineError) as caught:
        initial.fit(draw(NEW, "tied", seed=2, hidden=4), NEW)
    assert caught.value.lines[0] == (
        "training.init_from must be a run of the same model, got 3 x 15 for gru_1.kernel in old where this model has "
        "3 x 12."
    )
    assert {line.split(" for ")[1].split(" in ")[0] for line in caught.value.lines} == {
        "gru_1.kernel", "gru_1.recurrent_kernel", "gru_2.kernel", "output.projection", "output.kernel"
    }  # fmt: skip


def test_the_line_for_people_counts_the_symbols() -> None:
    assert InitialWeights("old", {}, OLD).describe(NEW) == "starting from old: 4 symbols known, 4 new, 2 dropped"


@pytest.mark.slow
def test_a_grown_vocabulary_costs_the_old_text_less_than_a_hundredth_of_its_loss(start: Any, tmp_path: Any) -> None:
    """Five new symbols come first in the new vocabulary, so every id moves."""
    run = start("training.max_steps=9", "training.sequence_length=150", "dataset.split=none")
    for _ in run.stream():
        pass
    old, old_text_n = run.text.corpus.vocabulary, run.text.splits.train_n[:801]
    path = tmp_path / "grown.txt"
    path.write_bytes(bytes([1, 2, 3, 4, 5]) + old.to_bytes(run.text.splits.train_n))
    grown = start("dataset=file", f"dataset.path={path}", "dataset.max_bytes=null", "dataset.split=none")
    network, vocabulary = grown.state.network, grown.text.corpus.vocabulary
    assert len(vocabulary) == len(old) + 5
    initial = InitialWeights("old", run.state.weight_arrays(), old)
    load_weights(network, initial.fit(read_weights(network), vocabulary))
    before = Scorer(run.state.network, old_text_n).loss()
    after = Scorer(network, vocabulary.encode(old.decode(old_text_n), key="text")).loss()
    assert before is not None
    assert after is not None
    assert 0.999 * before < after < 1.01 * before
    assert after - before < -np.log(1 - NEW_SHARE) + 1e-5
