"""Dynamic evaluation, against its formulas written out, with gradients by finite differences in float64.

Axes: n character, t time, v vocabulary.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from charrnn_exp.errors import UserError
from charrnn_exp.evaluation import dynamic as module
from charrnn_exp.evaluation.adaptation import EPSILON, Adaptation, Rule
from charrnn_exp.evaluation.dynamic import AdaptiveScorer, find_mean_squares
from charrnn_exp.evaluation.scorer import Scorer
from charrnn_exp.model.network import Network
from charrnn_exp.model.size import SizedModel
from tests.conftest import slow_after
from tests.model.naive import NaiveNetwork

SEGMENT = 5
"""Characters: finite differences read each segment twice a weight."""
STEP = 1e-5
Arrays = dict[str, np.ndarray]


def make_network(model: SizedModel, precision: str) -> Network:
    network = Network(num_symbols=7, model=model, precision=precision, seed=1)
    generator = np.random.default_rng(2)
    for variable in network.trainable_variables:
        variable.assign(generator.normal(scale=0.7, size=variable.shape))
    return network


@pytest.fixture
def network(small_model: SizedModel) -> Network:
    """So small that each weight can be moved alone."""
    return make_network(replace(small_model, embedding_dim=2, hidden_size=3), "float64")


def make_text(length: int) -> np.ndarray:
    """Return a text that repeats itself, so that there is something to adapt to."""
    return np.resize(np.random.default_rng(3).integers(7, size=31, dtype=np.uint8), length)


class Reader:
    """One stream of a naive network, which goes on from where it was."""

    def __init__(self, naive: NaiveNetwork) -> None:
        self.naive, self.states = naive, naive.first_states()

    def find_losses(self, ids_t: np.ndarray, *, goes_on: bool = False) -> np.ndarray:
        states = [list(state) for state in self.states]
        self.naive.first_states = lambda: states  # type: ignore[method-assign]
        logits_tv = self.naive.read(ids_t[:-1].astype(np.int32))
        if goes_on:
            self.states = states
        log_p_tv = logits_tv - np.log(np.exp(logits_tv).sum(axis=1, keepdims=True))
        return -log_p_tv[np.arange(len(log_p_tv)), ids_t[1:]]


def differentiate(values: Arrays, find_loss: Callable[[], float]) -> Arrays:
    gradients = {name: np.zeros_like(value) for name, value in values.items()}
    for name, value in values.items():
        for at in np.ndindex(value.shape):
            kept = value[at]
            value[at] = kept + STEP
            above = find_loss()
            value[at] = kept - STEP
            gradients[name][at] = (above - find_loss()) / (2 * STEP)
            value[at] = kept
    return gradients


def adapt_by_hand(
    network: Network, ids_n: np.ndarray, starts: tuple[int, ...], adaptation: Adaptation, squares: Arrays
) -> np.ndarray:
    """Return the loss of each character."""
    naive, losses = NaiveNetwork(network), []
    trained = {name: value.copy() for name, value in naive.values.items()}
    mean = sum(np.sqrt(square).sum() for square in squares.values()) / sum(s.size for s in squares.values())
    for part_n in np.split(ids_n, starts[1:]):
        naive.first_states = NaiveNetwork(network).first_states  # type: ignore[method-assign]
        reader = Reader(naive)
        for at in range(0, len(part_n) - 1, SEGMENT):
            segment = part_n[at : at + SEGMENT + 1]
            gradients = differentiate(naive.values, lambda: float(reader.find_losses(segment).mean()))  # noqa: B023
            losses += reader.find_losses(segment, goes_on=True).tolist()
            for name, value in naive.values.items():
                back = trained[name] - value
                if adaptation.rule is Rule.sgd:
                    value += adaptation.decay * back - adaptation.rate * gradients[name]
                else:
                    root = np.sqrt(squares[name])
                    value += np.minimum(adaptation.decay * root / mean, 1.0) * back
                    value -= adaptation.rate * gradients[name] / (root + EPSILON)
    return np.array(losses)


def make_squares(network: Network) -> list[np.ndarray]:
    """Return mean squares that differ by weight, some of them so large that their share of the decay is cut at 1."""
    generator = np.random.default_rng(4)
    return [generator.exponential(size=variable.shape) ** 4 for variable in network.trainable_variables]


@pytest.mark.parametrize("rule", slow_after(1, reversed(Rule)))
def test_updates_of_two_parts_with_shorter_last_segments_are_the_formulas(network: Network, rule: Rule) -> None:
    """The second part starts from the first state, with the weights as adapted to the short segment before it."""
    ids_n, starts, squares = make_text(SEGMENT + 3 + SEGMENT + 2), (0, SEGMENT + 3), make_squares(network)
    adaptation = Adaptation(rule, rate=0.3 if rule is Rule.sgd else 0.02, decay=0.4, segment=SEGMENT)
    names = list(NaiveNetwork(network).values)
    expected = adapt_by_hand(network, ids_n, starts, adaptation, dict(zip(names, squares, strict=True)))
    scores = AdaptiveScorer(network, ids_n, starts, adaptation=adaptation, mean_squares=squares).score()
    assert scores.num_characters == len(expected) == 2 * SEGMENT + 3
    assert scores.loss == pytest.approx(expected.mean(), abs=1e-7)
    plain = Scorer(network, ids_n, starts).loss()
    assert plain is not None
    assert abs(plain - scores.loss) > 1e-2, "nothing was adapted"


def test_the_mean_squares_are_those_of_the_gradients_of_streams_side_by_side(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STATISTICS_STREAMS", 3)
    monkeypatch.setattr(module, "STATISTICS_WINDOWS", 2)
    ids_n = np.random.default_rng(3).integers(7, size=50, dtype=np.uint8)
    naive = NaiveNetwork(network)
    readers, squares = [Reader(naive) for _ in range(3)], {name: 0.0 * value for name, value in naive.values.items()}
    for number in range(2):
        windows = [ids_n[k * 16 + number * SEGMENT :][: SEGMENT + 1] for k in range(3)]
        pairs = list(zip(readers, windows, strict=True))
        gradients = differentiate(
            naive.values,
            lambda: float(np.mean([reader.find_losses(window).mean() for reader, window in pairs])),  # noqa: B023
        )
        for reader, window in pairs:
            reader.find_losses(window, goes_on=True)
        squares = {name: square + gradients[name] ** 2 / 2 for name, square in squares.items()}
    for found, expected in zip(find_mean_squares(network, ids_n, segment=SEGMENT), squares.values(), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_a_training_text_of_two_characters_has_gradients_too(network: Network) -> None:
    found = find_mean_squares(network, make_text(2), segment=SEGMENT)
    assert all(np.isfinite(square).all() for square in found)
    assert max(square.max() for square in found) > 0


@pytest.mark.slow
@pytest.mark.parametrize("rule", list(Rule))
def test_a_text_of_one_symbol_which_has_no_gradients_is_scored(small_model: SizedModel, rule: Rule) -> None:
    network, ids_n = Network(num_symbols=1, model=small_model, precision="float32", seed=1), np.zeros(47, np.uint8)
    squares = find_mean_squares(network, ids_n, segment=SEGMENT)
    assert max(square.max() for square in squares) == 0.0
    adaptation = Adaptation(rule, 0.1, 0.01, segment=SEGMENT)
    scores = AdaptiveScorer(network, ids_n, adaptation=adaptation, mean_squares=squares).score()
    assert (scores.loss, scores.num_characters) == (0.0, 46)


@pytest.mark.slow
def test_without_gradients_in_training_weights_follow_the_text_and_have_no_way_back(network: Network) -> None:
    """Their decay is a share of r / mean(r), and both are 0."""
    ids_n, rules = make_text(3 * SEGMENT), [Adaptation(Rule.rms, 1e-5, decay, segment=SEGMENT) for decay in (0.0, 0.9)]
    squares = [np.zeros(variable.shape) for variable in network.trainable_variables]
    found = [AdaptiveScorer(network, ids_n, adaptation=rule, mean_squares=squares).score().loss for rule in rules]
    assert found[0] == found[1]
    assert abs(found[0] - (Scorer(network, ids_n).loss() or 0.0)) > 1e-6, "nothing was adapted"


@pytest.mark.slow
def test_without_a_rate_and_a_decay_the_scores_are_the_plain_ones(small_model: SizedModel) -> None:
    """Also of parts, each from the first state, and of windows of one compiled loop after another."""
    network, ids_n, starts = make_network(small_model, "float32"), make_text(4_703), (0, 1, 17, 2_001)
    scores = AdaptiveScorer(network, ids_n, starts, adaptation=Adaptation(Rule.sgd, 0.0, 0.0)).score()
    plain = Scorer(network, ids_n, starts, has_top=True).score()
    assert plain is not None
    assert scores.loss == pytest.approx(plain.loss, abs=1e-6)
    assert scores.num_characters == plain.num_characters
    assert scores.accuracy == pytest.approx(plain.accuracy, abs=1e-3)
    assert scores.top5_accuracy == pytest.approx(plain.top5_accuracy, abs=1e-3)
    assert scores.block_losses == pytest.approx(plain.block_losses, abs=1e-5)


@pytest.mark.slow
def test_a_prediction_uses_nothing_that_stands_after_it(small_model: SizedModel) -> None:
    """Two texts of one beginning have the same losses there; the blocks that lie in it tell."""
    network, ids_n = make_network(small_model, "float32"), make_text(6_001)
    other_n = ids_n.copy()
    other_n[3_000:] = 6 - other_n[3_000:]
    adaptation = Adaptation(Rule.sgd, 0.1, 0.01)
    found = [AdaptiveScorer(network, each, adaptation=adaptation).score().block_losses for each in (ids_n, other_n)]
    assert found[0] is not None
    assert found[1] is not None
    same = [a == b for a, b in zip(*found, strict=True)]
    assert same == [True] * 14 + [False] * 16 or same == [True] * 15 + [False] * 15


@pytest.mark.parametrize("rule", [pytest.param(Rule.sgd, marks=pytest.mark.slow), Rule.rms])
def test_a_text_that_repeats_itself_is_learned_and_the_network_is_as_before(
    small_model: SizedModel, rule: Rule
) -> None:
    network, ids_n = make_network(small_model, "float32"), make_text(3_001)
    before = [np.array(variable) for variable in network.variables]
    adaptation = Adaptation(rule, 0.3 if rule is Rule.sgd else 0.005, 1e-3)
    scorer = AdaptiveScorer(
        network, ids_n, adaptation=adaptation, mean_squares=find_mean_squares(network, ids_n, segment=SEGMENT)
    )
    scores, plain = scorer.score(), Scorer(network, ids_n).loss()
    assert plain is not None
    assert scores.loss < plain - 0.2
    for variable, value in zip(network.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)
    assert scorer.score().loss == scores.loss, "a second text starts from the trained weights too"


@pytest.mark.slow
def test_weights_that_diverge_are_the_users_mistake_and_the_network_is_as_before(small_model: SizedModel) -> None:
    network = make_network(small_model, "float32")
    before = [np.array(variable) for variable in network.variables]
    with pytest.raises(UserError, match=r"^adapt_rate must be smaller, got 1e\+30: the loss is not finite within"):
        AdaptiveScorer(network, make_text(999), adaptation=Adaptation(Rule.sgd, 1e30, 0.0)).score()
    for variable, value in zip(network.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)
