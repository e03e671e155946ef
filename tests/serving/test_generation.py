"""Text and losses by the piece: the text is the sampler's, the losses are the network's.

Axes: t time, n character.
"""

from dataclasses import replace

import numpy as np
import pytest

from charrnn_exp.config.choices import Unit
from charrnn_exp.data.vocabulary import Vocabulary
from charrnn_exp.errors import UserError
from charrnn_exp.model.size import SizedModel
from charrnn_exp.sampling.loaded_model import LoadedModel
from charrnn_exp.sampling.sampler import Sampler, _compile_loop, find_way, forget_ways
from charrnn_exp.serving import orders
from charrnn_exp.serving.generation import CHUNK, MAX_WAYS, Generator, _make_decoder
from tests import trained
from tests.conftest import compose_small

CONFIG = compose_small("sampling.length=300", "sampling.temperature=0.8")


@pytest.fixture(scope="module")
def generator(small_model: SizedModel) -> Generator:
    points = tuple(sorted({ord(c) for c in trained.read_text()}))
    network = trained.build(small_model, "float32")
    return Generator(LoadedModel("trained", Vocabulary(Unit.char, points), network), CONFIG)


def score(text: str, generator: Generator) -> list[float]:
    """Return the loss of each character but the first, in float64, naively."""
    ids_t = generator.vocabulary.encode(text, key="text")
    log_probs_tv = trained.find_log_probabilities(ids_t[None, :-1].astype(np.int32))[0]
    return [-float(log_probs_tv[i, symbol]) for i, symbol in enumerate(ids_t[1:])]


@pytest.mark.parametrize("length", [2, CHUNK, CHUNK + 1, 2 * CHUNK + 3])
def test_scores_are_those_of_the_maths_in_float64(generator: Generator, length: int) -> None:
    text = trained.read_text()[5000 : 5000 + length]
    pieces = list(generator.score(generator.read_text(text)))
    first, *losses = [loss for piece in pieces for loss in piece.losses]
    assert "".join(piece.text for piece in pieces) == text
    assert first is None
    assert losses == pytest.approx(score(text, generator), abs=2e-4)


def test_the_text_is_the_samplers_and_its_losses_are_those_of_scoring_it(generator: Generator) -> None:
    sampling = replace(CONFIG.sampling, prompt="def find(", seed=3)
    prompt_ids_t = generator.read_prompt(sampling)
    pieces = list(generator.generate(sampling, prompt_ids_t, has_losses=True))
    text = "".join(piece.text for piece in pieces)
    (expected_t,) = Sampler([generator._network], sampling).texts(prompt_ids_t, length=300, num_samples=1, seed=3)
    assert "def find(" + text == generator.vocabulary.decode(expected_t)
    losses = [loss for piece in pieces for loss in piece.losses]
    assert losses == pytest.approx(score("def find(" + text, generator)[8:], abs=2e-4)
    assert [len(piece.losses) for piece in pieces] == [len(piece.text) for piece in pieces]


def test_without_losses_the_text_is_the_same(generator: Generator) -> None:
    prompt_ids_t = generator.read_prompt(CONFIG.sampling)
    texts = [
        "".join(piece.text for piece in generator.generate(CONFIG.sampling, prompt_ids_t, has_losses=has_losses))
        for has_losses in (False, True)
    ]
    assert texts[0] == texts[1]
    assert len(texts[0]) == 300


def test_lines_are_scored_as_one_calls_the_model_with_a_line_break_in_front(generator: Generator) -> None:
    text = "def find(self):\n    return 3"
    of_lines = Generator(
        LoadedModel("trained", generator.vocabulary, generator._network),
        replace(CONFIG, dataset=replace(CONFIG.dataset, lines=True)),
    )
    for typed in (text, text + "\n"):
        pieces = list(of_lines.score(of_lines.read_text(typed)))
        assert "".join(piece.text for piece in pieces) == text + "\n"
        losses = [loss for piece in pieces for loss in piece.losses]
        assert losses == pytest.approx(score("\n" + text + "\n", generator), abs=2e-4)
    assert len(of_lines.read_text("a")) == 3
    with pytest.raises(UserError, match=r"^text must hold at least 1 character, got 0"):
        of_lines.read_text("")


@pytest.mark.parametrize("text", ["", "a", "a\u4f60", "\ud800\ud800"])
def test_a_text_that_cannot_be_scored_is_refused(generator: Generator, text: str) -> None:
    with pytest.raises(UserError, match=r"^text must hold"):
        generator.read_text(text)


def test_symbols_that_the_model_lacks_are_refused_by_the_names_and_with_the_ways_of_a_request(
    generator: Generator,
) -> None:
    """There is no unknown=skip to type."""
    for name in ("prompt", "stop"):
        order = orders.read_order({name: "a\u4f60"}, CONFIG)
        with pytest.raises(UserError, match=rf"^{name} must hold only symbols .*'\. Leave them out\.$"):
            generator.read_prompt(order.sampling)
    with pytest.raises(UserError, match=r"^text must hold only symbols .*'\. Leave them out\.$"):
        generator.read_text("a\u4f60")


def test_the_loss_of_a_character_is_the_sum_of_those_of_its_bytes() -> None:
    vocabulary = Vocabulary(Unit.byte, tuple(range(256)))
    decode = _make_decoder(vocabulary, "utf-8")
    raw_t = np.frombuffer("a\u4f60b".encode() + b"\xff!", np.uint8).astype(np.int32)
    pieces = [decode(raw_t[i : i + 1], [float(i)]) for i in range(len(raw_t))]
    assert "".join(piece.text for piece in pieces) == "a\u4f60b\ufffd!"
    assert [loss for piece in pieces for loss in piece.losses] == [0.0, 1.0 + 2.0 + 3.0, 4.0, 5.0, 6.0]
    assert decode(raw_t, None).losses == ()


def test_a_character_one_of_whose_bytes_has_no_loss_has_none() -> None:
    """As the first of a text, which would else be taken for certain."""
    decode = _make_decoder(Vocabulary(Unit.byte, tuple(range(256))), "utf-8")
    raw_t = np.frombuffer("\u4f60b".encode() + b"\xe4!c", np.uint8).astype(np.int32)
    known: list[float | None] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    for i, expected in enumerate([[None, 4.0, 11.0, 0.0, 7.0]] * 3 + [[6.0, None, 11.0, 0.0, 7.0]]):
        assert decode(raw_t, [None if j == i else each for j, each in enumerate(known)]).losses == tuple(expected)
    assert decode(raw_t, [*known[:4], None, *known[5:]]).losses == (6.0, 4.0, None, None, 7.0)


def test_ways_to_draw_are_kept_up_to_a_number(generator: Generator) -> None:
    """A stranger who asks for ever new temperatures fills no memory."""
    generator._ways |= {str(i) for i in range(MAX_WAYS - len(generator._ways))}
    sampling = replace(CONFIG.sampling, length=1, top_k=3)
    list(generator.generate(sampling, generator.read_prompt(sampling), has_losses=False))
    assert len(generator._ways) == 1


def test_numbers_that_are_not_whole_share_a_compiled_loop(generator: Generator) -> None:
    generator._ways.clear()
    forget_ways()
    texts = set()
    for number in (0.5, 1.0, 2.0):
        sampling = replace(CONFIG.sampling, length=50, temperature=number, min_p=number / 100, seed=1)
        pieces = list(generator.generate(sampling, generator.read_prompt(sampling), has_losses=False))
        texts.add("".join(piece.text for piece in pieces))
    assert len(texts) == 3
    assert generator._ways == {find_way(sampling)}
    assert _compile_loop(find_way(sampling)).experimental_get_tracing_count() == 1
