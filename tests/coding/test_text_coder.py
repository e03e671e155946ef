"""A network as a coder of texts: both directions, its whole numbers, and the size that its loss promises.

Axes: b stream, t time, n character, v vocabulary.
"""

import dataclasses
import math
import time
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from charrnn_exp.coding.range_coder import TOTAL
from charrnn_exp.coding.text_coder import DECODED, PIECE_LENGTH, TextCoder, find_ends
from charrnn_exp.errors import MachineError
from charrnn_exp.evaluation.scorer import Scorer
from charrnn_exp.model.network import Network
from charrnn_exp.model.size import SizedModel
from tests import trained
from tests.conftest import slow_after

V = 7


def build(model: SizedModel, **changes: Any) -> Network:
    network = Network(num_symbols=V, model=dataclasses.replace(model, **changes), precision="float32", seed=1)
    generator = np.random.default_rng(2)
    for variable in network.trainable_variables:
        variable.assign(generator.normal(scale=3 / np.sqrt(variable.shape[0]), size=variable.shape))
    return network


@pytest.fixture(scope="module")
def coder(small_model: SizedModel) -> TextCoder:
    return TextCoder(build(small_model))


def draw_ids(seed: int, length: int) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(V, size=length).astype(np.uint8)


@pytest.mark.parametrize("length", [0, 1, 2, PIECE_LENGTH - 1, PIECE_LENGTH, PIECE_LENGTH + 1, 2 * PIECE_LENGTH + 3])
def test_a_text_comes_back(coder: TextCoder, length: int) -> None:
    ids_n = draw_ids(3, length)
    content = coder.encode(ids_n)
    decoded_n = coder.decode(content, length)
    np.testing.assert_array_equal(decoded_n, ids_n)
    assert decoded_n.dtype == ids_n.dtype
    assert (len(content) == 0) == (length == 0)


@pytest.mark.parametrize(
    "variant",
    [
        {"cell": "rnn", "embedding_dim": None},
        pytest.param({"cell": "gru", "num_layers": 2, "learn_initial_state": True}, marks=pytest.mark.slow),
        pytest.param(
            {"num_layers": 3, "layer_norm": True, "residual": True, "tie_embeddings": True}, marks=pytest.mark.slow
        ),
    ],
    ids=["one-hot rnn", "gru", "everything"],
)
def test_a_text_comes_back_from_every_kind_of_network(small_model: SizedModel, variant: dict[str, Any]) -> None:
    coder, ids_n = TextCoder(build(small_model, **variant)), draw_ids(5, PIECE_LENGTH + 7)
    np.testing.assert_array_equal(coder.decode(coder.encode(ids_n), len(ids_n)), ids_n)


@pytest.mark.parametrize("seed", range(5))
def test_both_directions_see_the_same_whole_numbers(coder: TextCoder, seed: int) -> None:
    """Bytes at random are decoded to some text, whose numbers are compared with those of the same text given."""
    content = np.random.default_rng(seed).bytes(4 * PIECE_LENGTH)
    unknown_t = np.full(PIECE_LENGTH, DECODED, np.int32)
    start = coder._start(int.from_bytes(content[:7], "big"))
    decoded_t, *of_decoding, _, _ = coder._run(unknown_t, content[7:], start)
    given_t, *of_encoding, _, _ = coder._run(decoded_t, b"", coder._start(0))
    np.testing.assert_array_equal(given_t, decoded_t)
    np.testing.assert_array_equal(of_encoding, of_decoding)
    assert len(set(decoded_t.tolist())) > 3


def test_another_text_is_not_compiled_anew(coder: TextCoder) -> None:
    """XLA takes a place in an array for a constant where it is written in brackets: seconds for each piece."""
    ids_n = draw_ids(8, 30 * PIECE_LENGTH)
    coder.decode(coder.encode(ids_n[:PIECE_LENGTH]), PIECE_LENGTH)
    start = time.process_time()
    content = coder.encode(ids_n)
    middle = time.process_time()
    coder.decode(content, len(ids_n))
    of_encoding, of_decoding = middle - start, time.process_time() - middle
    assert of_encoding < 5 * of_decoding
    assert of_decoding < 10 * of_encoding


@pytest.mark.parametrize("scale", slow_after(2, [0.0, 1e30, 1.0, 50.0, 1e4]))
@pytest.mark.parametrize("num_symbols", [1, 2, 300])
def test_frequencies_are_whole_at_least_one_and_the_softmax_to_one(scale: float, num_symbols: int) -> None:
    logits_v = (np.random.default_rng(4).normal(size=num_symbols) * scale).astype(np.float32)
    compiled = tf.function(find_ends, jit_compile=True, autograph=False)
    frequencies_v = np.diff(compiled(tf.constant(logits_v)).numpy(), prepend=0)
    exact_v = np.exp(logits_v.astype(np.longdouble) - logits_v.max().astype(np.longdouble))
    shares_v = exact_v / exact_v.sum() * (TOTAL - num_symbols)
    assert frequencies_v.sum() == TOTAL
    assert frequencies_v.min() >= 1
    np.testing.assert_allclose(frequencies_v[:-1], 1 + np.floor(shares_v[:-1]), atol=1)
    assert 0 <= frequencies_v[-1] - 1 - np.floor(shares_v[-1]) <= num_symbols + 1


def test_damaged_weights_are_told(small_model: SizedModel) -> None:
    network = build(small_model)
    network.output_layer.bias.assign(np.full(V, np.nan))
    with pytest.raises(MachineError, match="give no probabilities"):
        TextCoder(network).encode(draw_ids(1, 9))


@pytest.mark.slow
def test_the_size_is_that_of_the_loss_to_a_thousandth(small_model: SizedModel) -> None:
    """On a well-trained model. The loss leaves out the first symbol, which takes log2 v bits."""
    network, ids_n = trained.build(small_model, "float32"), trained.read_ids()[-20_000:]
    loss = Scorer(network, ids_n).loss()
    assert loss is not None
    content = TextCoder(network).encode(ids_n)
    expected = (loss * (len(ids_n) - 1) + math.log(network.num_symbols)) / math.log(2)
    assert 8 * len(content) == pytest.approx(expected, rel=1e-3)
    assert 8 * len(content) > 0.9999 * expected, "fewer bits than there is information"
