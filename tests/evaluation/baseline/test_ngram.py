"""The n-gram baseline against one written with dictionaries."""

import math
from collections import Counter, defaultdict

import numpy as np
import pytest

from charrnn_exp.evaluation.baseline.ngram import measure_ngram_loss

TEXT = ("she sells sea shells by the sea shore; the shells she sells are surely sea shells. " * 3)[:211]


def naive_kneser_ney(train: str, val: str, *, num_symbols: int, order: int) -> float:
    """Modified Kneser-Ney of one text, one probability at a time, by the book."""
    counts: dict[int, Counter[str]] = {order: Counter(train[i : i + order] for i in range(len(train) - order + 1))}
    for length in range(order - 1, 0, -1):
        longer = {train[i : i + length + 1] for i in range(len(train) - length)}
        counts[length] = Counter(gram[1:] for gram in longer)
    logs = [math.log(each) for each in find_probabilities(counts, [val], num_symbols=num_symbols)]
    return -sum(logs) / len(logs)


def naive_kneser_ney_of_lines(train: list[str], val: list[str], *, num_symbols: int, order: int) -> float:
    """Modified Kneser-Ney of lines, each between a start and an end; what begins with the start has no left neighbour.

    Source: SRILM, ngram-discount manual page: "N-grams starting with <s>" keep their counts.
    """
    lines = [f"\n{line}\n" for line in train]
    counts: dict[int, Counter[str]] = {}
    for length in range(1, order + 1):
        plain = Counter(line[i : i + length] for line in lines for i in range(len(line) - length + 1))
        longer = {line[i : i + length + 1] for line in lines for i in range(len(line) - length)}
        neighbours = Counter(gram[1:] for gram in longer)
        starts = {gram: count for gram, count in plain.items() if len(gram) > 1 and gram.startswith("\n")}
        counts[length] = plain if length == order else Counter(neighbours | Counter(starts))
    counts[1] = Counter(line[i] for line in lines for i in range(1, len(line))) if order == 1 else counts[1]
    logs = [
        math.log(each) for each in find_probabilities(counts, [f"\n{line}\n" for line in val], num_symbols=num_symbols)
    ]
    return -sum(logs) / len(logs)


def find_probabilities(counts: dict[int, Counter[str]], texts: list[str], *, num_symbols: int) -> list[float]:
    """Return the probability of each character but the first of each text."""
    order = max(counts)
    discounts = {length: find_discounts(Counter(counts[length].values())) for length in counts}
    followers: dict[str, dict[str, int]] = defaultdict(dict)
    for length in counts:
        for gram, count in counts[length].items():
            followers[gram[:-1]][gram[-1]] = count

    def probability(symbol: str, context: str) -> float:
        length = len(context) + 1
        lower = 1 / num_symbols if length == 1 else probability(symbol, context[1:])
        seen = followers.get(context)
        if not seen:
            return lower
        take = discounts[length]
        freed = sum(take[min(c, 3)] for c in seen.values())
        own = seen.get(symbol, 0)
        return (max(own - take[min(own, 3)], 0) + freed * lower) / sum(seen.values())

    return [probability(text[i], text[max(0, i - order + 1) : i]) for text in texts for i in range(1, len(text))]


def find_discounts(sizes: Counter[int]) -> list[float]:
    if not (sizes[1] and sizes[2] and sizes[3]):
        return [0.0, 0.5, 0.5, 0.5]
    y = sizes[1] / (sizes[1] + 2 * sizes[2])
    raw = [1 - 2 * y * sizes[2] / sizes[1], 2 - 3 * y * sizes[3] / sizes[2], 3 - 4 * y * sizes[4] / sizes[3]]
    return [0.0, *raw] if min(raw) > 0 else [0.0, 0.5, 0.5, 0.5]


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_loss_equals_a_naive_kneser_ney(order: int) -> None:
    symbols = sorted(set(TEXT))
    ids_n = np.array([symbols.index(c) for c in TEXT], np.uint8)
    found = measure_ngram_loss(ids_n[:150], ids_n[150:], num_symbols=len(symbols), order=order)
    assert found == pytest.approx(
        naive_kneser_ney(TEXT[:150], TEXT[150:], num_symbols=len(symbols), order=order), rel=1e-9
    )


def test_each_part_is_counted_from_an_empty_context() -> None:
    symbols = sorted(set(TEXT))
    ids_n = np.array([symbols.index(c) for c in TEXT], np.uint8)
    parts = [TEXT[150:151], TEXT[151:180], TEXT[180:]]
    losses = [naive_kneser_ney(TEXT[:150], part, num_symbols=len(symbols), order=3) for part in parts[1:]]
    expected = np.average(losses, weights=[len(part) - 1 for part in parts[1:]])
    found = measure_ngram_loss(ids_n[:150], ids_n[150:], (0, 1, 30), num_symbols=len(symbols), order=3)
    assert found == pytest.approx(expected, rel=1e-9)


def test_a_symbol_never_seen_has_probability_all_the_same() -> None:
    train_n, val_n = np.array([0, 1] * 50, np.uint8), np.array([0, 2, 0, 2], np.uint8)
    assert math.isfinite(measure_ngram_loss(train_n, val_n, num_symbols=3))


def test_the_loss_is_finite_on_texts_too_short_to_estimate_discounts() -> None:
    words = ([0, 1, 2], [0, 1, 3], [4, 5], [6])
    for seed in range(100):
        text = [i for word in np.random.default_rng(seed).integers(0, 4, 200) for i in words[word]]
        ids_n = np.array(text, np.uint8)
        assert math.isfinite(measure_ngram_loss(ids_n[:400], ids_n[400:], num_symbols=7)), seed


@pytest.mark.parametrize("order", [1, 2, 3, 5, 7])
def test_lines_are_counted_and_scored_each_from_its_start(order: int) -> None:
    words = TEXT.replace(";", "").replace(".", "").split()
    train, val = [*words[:24], "", "surely she", words[3]], [*words[24:], "", "shy seas"]
    symbols = sorted({"\n", *"".join(train + val)})
    train_n, val_n = (
        np.array([symbols.index(c) for c in "\n" + "".join(f"{line}\n" for line in lines)], np.uint8)
        for lines in (train, val)
    )
    found = measure_ngram_loss(train_n, val_n, num_symbols=len(symbols), order=order, line_break=0)
    expected = naive_kneser_ney_of_lines(train, val, num_symbols=len(symbols), order=order)
    assert found == pytest.approx(expected, rel=1e-9)
