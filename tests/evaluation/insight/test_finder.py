"""The finder of cells: its arithmetic against numpy, planted cells, and networks that follow nothing.

Axes: n character, m matrix rows (cells), k matrix columns (properties).
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from charrnn_exp.config.choices import Unit
from charrnn_exp.data.vocabulary import Vocabulary
from charrnn_exp.evaluation.insight.features import Feature
from charrnn_exp.evaluation.insight.finder import (
    LEAST_SHIFT,
    ODDS,
    Half,
    choose_features,
    correlate,
    find_chance_bar,
    find_followers,
    find_untrained_bars,
)
from charrnn_exp.evaluation.insight.study import Study, study_cells
from charrnn_exp.evaluation.insight.subject import Subject
from charrnn_exp.model.network import build_network
from charrnn_exp.model.size import resolve
from charrnn_exp.run_folder.folder import RunFolder
from tests.conftest import compose_once

NUM = 6_000
NUM_PLANTED = 20


def make_labels(generator: np.random.Generator, num: int) -> npt.NDArray[np.float64]:
    """Return three made properties that hold for stretches of about 15 characters, and a position in lines.

    Lines have random lengths: shifted by a period, labels of one length would be what they were.
    """
    switches_kn = np.cumsum(generator.random((3, num)) < 1 / 15, axis=1) % 2
    lengths = generator.integers(10, 60, num)
    position_n = np.concatenate([np.arange(length) for length in lengths])[:num]
    return np.concatenate([switches_kn, position_n[None]]).astype(float)


def smooth(generator: np.random.Generator, num_rows: int, num: int) -> npt.NDArray[np.float64]:
    """Return independent series that change slowly: each is 0.9 of itself before, and noise."""
    noise_mn, values_mn = generator.normal(size=(num_rows, num)), np.zeros((num_rows, num))
    for n in range(1, num):
        values_mn[:, n] = 0.9 * values_mn[:, n - 1] + noise_mn[:, n]
    return values_mn


MADE = [Feature(f"made {i}", "", lambda text: np.zeros(len(text)), is_graded=i == 3) for i in range(4)]


def test_scores_are_the_correlations_of_numpy() -> None:
    generator = np.random.default_rng(1)
    values_mn, labels_kn = generator.normal(size=(5, 90)), generator.normal(size=(3, 90))
    expected_mk = np.corrcoef(values_mn, labels_kn)[:5, 5:]
    np.testing.assert_allclose(correlate(values_mn, labels_kn), expected_mk, atol=1e-6)
    assert np.all(correlate(np.ones((2, 90)), labels_kn) == 0)


def test_the_bar_of_chance_is_the_quantile_of_the_largest_score_over_all_shifts_one_by_one() -> None:
    generator = np.random.default_rng(2)
    values_mn, labels_kn = smooth(generator, 5, 160), make_labels(generator, 160)[:3]
    values_mn[2] = labels_kn[1]  # without a shift its score is 1
    least = 160 // LEAST_SHIFT
    largest = [
        np.abs(np.corrcoef(values_mn, np.roll(labels_kn, shift, axis=1))[:5, 5:]).max()
        for shift in range(least, 160 - least)
    ]
    assert find_chance_bar(values_mn, labels_kn) == pytest.approx(np.quantile(largest, 1 - ODDS), abs=1e-5)


def test_the_bar_of_untrained_cells_is_passed_with_the_odds_that_it_states() -> None:
    """Of 200,000 normal draws (a million times ten pairs), 1 in 1,000 families of ten: 20 +- 14 by three deviations."""
    generator = np.random.default_rng(3)
    controls_mk = np.tanh(0.2 * generator.normal(size=(100_000, 1)))
    bar = find_untrained_bars(controls_mk, num_pairs=10)[0]
    families = np.abs(np.tanh(0.2 * generator.normal(size=(20_000, 10)))).max(axis=1)
    assert 6 <= np.count_nonzero(families > bar) <= 34


def test_twenty_planted_cells_are_found_each_with_its_property_and_nothing_else() -> None:
    """By chance another cell is claimed with odds of 1 in 1,000."""
    generator = np.random.default_rng(4)
    halves = []
    for _ in range(2):
        labels_kn, values_mn = make_labels(generator, NUM), smooth(generator, 200, NUM)
        values_mn /= values_mn.std(axis=1, keepdims=True)
        for i in range(NUM_PLANTED):
            label_n = labels_kn[i % 4] - labels_kn[i % 4].mean()
            values_mn[7 * i] = (-1) ** i * label_n / label_n.std() + values_mn[7 * i] * (0.3 + i / 20)
        halves.append(Half(values_mn, labels_kn))
    search = find_followers(halves[0], halves[1], smooth(generator, 500, NUM), MADE)
    assert {each.cell: each.feature.name for each in search.found} == {
        7 * i: f"made {i % 4}" for i in range(NUM_PLANTED)
    }
    assert [abs(each.score) for each in search.found] == sorted(
        (abs(each.score) for each in search.found), reverse=True
    )


def test_cells_without_a_property_are_not_claimed() -> None:
    """Ten searches: by chance one claims something with odds of 1 in 100."""
    for seed in range(10):
        generator = np.random.default_rng([5, seed])
        halves = [Half(smooth(generator, 50, 2_000), make_labels(generator, 2_000)) for _ in range(2)]
        assert find_followers(halves[0], halves[1], smooth(generator, 500, 2_000), MADE).found == []


def test_a_cell_that_turns_its_sign_between_the_halves_is_not_claimed() -> None:
    generator = np.random.default_rng(6)
    labels_kn = make_labels(generator, NUM)
    first, second = (Half(sign * labels_kn[:1] + smooth(generator, 1, NUM) / 9, labels_kn) for sign in (1, -1))
    assert find_followers(first, second, smooth(generator, 500, NUM), MADE).found == []
    assert find_followers(first, first, smooth(generator, 500, NUM), MADE).found != []


def test_properties_that_a_half_has_too_seldom_are_not_looked_for() -> None:
    often, once = "a (b)\n" * 20, "a b\n" * 20
    common, rare = choose_features(often + often, len(often))
    assert "inside brackets" in [each.name for each in common]
    assert "inside an address" in [each.name for each in rare]
    assert "inside brackets" in [each.name for each in choose_features(often + once, len(often))[1]]


def test_the_labels_are_those_of_the_whole_text_wherever_its_middle_falls() -> None:
    """A second half that begins within a docstring would take each closing mark for an opening one."""
    piece = '""" a docstring """\nx = f("b") + g(h)\n'
    text = piece * 20
    middle = len(piece) * 10 + 8
    common, _ = choose_features(text, middle)
    assert {"inside quotes", "inside brackets"} <= {each.name for each in common}
    for feature, labels_n in common.items():
        np.testing.assert_array_equal(labels_n, feature.find(text))
    (quotes,) = (each for each in common if each.name == "inside quotes")
    assert np.mean(common[quotes][middle:] == quotes.find(text[middle:])) < 0.9, "the test has nothing to see"


TEXT_RULES = {"position in line": 0, "inside a comment": 1, "inside brackets": 2, "inside quotes": 3}


def plant(network: Any, characters: str) -> dict[int, str]:
    """Set the weights of 20 units of an LSTM with one-hot inputs so that their cells follow properties; return which.

    A cell keeps its value (forget gate open, input gate closed) but at the symbols that change it.
    """
    weights = {name: np.array(variable) for name, variable in network.recurrent[0].weights_by_name.items()}
    h, big = network.hidden_size, 20.0
    at = {symbol: i for i, symbol in enumerate(characters)}
    planted = {}
    for unit in range(NUM_PLANTED):
        name = list(TEXT_RULES)[unit % 4]
        planted[unit], sign = name, (-1) ** (unit // 4)
        i, f, g, o = (unit + gate * h for gate in range(4))
        for matrix in (weights["kernel"], weights["recurrent_kernel"], weights["bias"][None]):
            matrix[:, [i, f, g, o]] = 0.0
        weights["bias"][[i, f, o]] = -big, big, big
        changes = {"#": (-2 * big, 2.0 * sign), "\n": (-2 * big, -2.0 * sign)}
        if name == "position in line":  # adds a little at each symbol, and forgets all at a line break
            weights["bias"][[i, g]] = big, 0.02 * sign
            changes = {"\n": (-2 * big, 0.0)}
        elif name == "inside brackets":
            changes = {"(": (-2 * big, 2.0 * sign), ")": (-2 * big, -2.0 * sign)}
        elif name == "inside quotes":  # turns its sign
            weights["recurrent_kernel"][unit, g] = -big
            weights["bias"][g] = 1.0 * sign
            changes = {'"': (-2 * big, 0.0)}
        for symbol, (forget, value) in changes.items():
            weights["kernel"][at[symbol], f] += forget
            weights["kernel"][at[symbol], g] += value
            if name != "position in line":
                weights["kernel"][at[symbol], i] += 2 * big
    for name, variable in network.recurrent[0].weights_by_name.items():
        variable.assign(weights[name])
    return planted


def make_text(num_lines: int) -> str:
    """Return lines of words, some quoted, some in brackets, some with a comment."""
    generator = np.random.default_rng(8)
    lines = []
    for _ in range(num_lines):
        words = ["".join(generator.choice(list("abcdef"), generator.integers(2, 8))) for _ in range(8)]
        words[1] = f'"{words[1]} {words[2]}"' if generator.random() < 0.5 else words[1]
        words[4] = f"({words[4]} {words[5]} {words[3]})" if generator.random() < 0.5 else words[4]
        lines.append(
            " ".join(words[: generator.integers(5, 9)]) + (f" # {words[6]} {words[0]}" * (generator.random() < 0.5))
        )
    return "\n".join(lines) + "\n"


def study(text: str, *, planted: bool, seed: int) -> tuple[Study, dict[int, str]]:
    """Return the study of a network of 48 units on a text, and the properties of the units that were set by hand."""
    config = compose_once(
        "model.embedding_dim=null", "model.hidden_size=48", "training.precision=float32", f"seed={seed}"
    )
    characters = "".join(sorted(set(text)))
    vocabulary = Vocabulary(Unit.char, tuple(map(ord, characters)))
    model = resolve(config.model, num_symbols=len(characters))
    network = build_network(model, num_symbols=len(characters), precision=config.training.precision, seed=seed)
    rules = plant(network, characters) if planted else {}
    ids_n = vocabulary.encode(text, key="text").astype(np.uint8)
    return study_cells(Subject(RunFolder(Path()), config, vocabulary, network, ids_n, "made")), rules


@pytest.mark.slow
def test_a_network_with_twenty_cells_set_by_hand_has_these_found_and_no_other_unit() -> None:
    """Its other 28 units are untrained: one is claimed with odds of 2 in 1,000."""
    found, rules = study(make_text(500), planted=True, seed=11)
    claimed = {found.names[each.cell].unit: each.feature.name for each in found.search.found}
    assert claimed == rules


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_claimed_of_an_untrained_network(seed: int) -> None:
    """The odds of a claim are 1 in 1,000 for each. A bar of shifted labels alone would claim many of its cells."""
    found, _ = study(make_text(400), planted=False, seed=seed)
    assert found.search.found == []
    scores_m = np.abs(correlate(found.values_mn, found.search.features[0].find(found.text)[None]))[:, 0]
    assert np.count_nonzero(scores_m > found.search.chance) > 5
