"""The character model: embedding, recurrent layers, one logit per symbol.

Axes: b stream, t time, v vocabulary, e input features (the embedding's), h hidden units. Within, streams are last.
"""

from typing import Any

import keras
import tensorflow as tf

from charrnn_exp.config.choices import Precision
from charrnn_exp.config.schema import ModelConfig
from charrnn_exp.machine.arithmetic import has_gpu
from charrnn_exp.machine.precision import choose_precision
from charrnn_exp.model.cells.cell import State
from charrnn_exp.model.cells.registry import CELLS
from charrnn_exp.model.first_weights import find_embedding_deviation, make_embedding, make_output
from charrnn_exp.model.initial_state import InitialState
from charrnn_exp.model.layers import Recurrent, choose_layer
from charrnn_exp.model.output import TiedOutput
from charrnn_exp.model.recurrence import Resets
from charrnn_exp.model.size import SizedModel

States = list[State]
"""The state of each recurrent layer, float32: (hidden_bh, cell_bh) of an LSTM, else (hidden_bh,)."""

NORM_EPSILON = 1e-5
"""Added to the variance of a layer's outputs, as in PyTorch."""


class Network(keras.Model):
    """A character-level recurrent language model whose states are explicit inputs and outputs.

    Args:
        num_symbols: v.
        model: see `resolve`.
        precision: number format of the matrix products over float32 weights, "float32" or "bfloat16"; "float64" is that
            of the weights too, to compare gradients with finite differences.
        seed: of the first weights and of dropout.
        layer: class of the recurrent layers, see `choose_layer`.
        line_break: id of the symbol before which every stream starts anew, of a text that is a list of lines; None:
            streams go on.
    """

    def __init__(
        self,
        *,
        num_symbols: int,
        model: SizedModel,
        precision: str,
        seed: int,
        layer: type[Recurrent] = Recurrent,
        line_break: int | None = None,
    ) -> None:
        weight_dtype = "float32" if precision == "bfloat16" else precision
        super().__init__(name="network", dtype=weight_dtype, autocast=False)
        self._weight_dtype = weight_dtype
        self.precision, self.num_symbols, self.line_break = precision, num_symbols, line_break
        self.hidden_size, self.residual = model.hidden_size, model.residual
        self.embedding = make_embedding(model, num_symbols, seed, weight_dtype)
        self.input_scale = 1.0 / find_embedding_deviation(model)
        self.embedding_dropout = keras.layers.Dropout(
            model.embedding_dropout, noise_shape=(None, 1), seed=seed + 3, dtype=weight_dtype, name="embedding_dropout"
        )
        self.input_dropout = _make_dropout(model, model.input_dropout, seed + 2, weight_dtype, "input_dropout")
        numbers = range(1, model.num_layers + 1)
        cell = CELLS.find(model.cell).with_settings(model.extra.get(model.cell) or {})
        self.recurrent = [
            layer(
                cell,
                model.hidden_size,
                seed=seed + 10 * i,
                precision="bfloat16" if precision == "bfloat16" else "float32",
                reads_symbols=self.embedding is None and i == 1,
                weight_dropout=model.weight_dropout,
                dtype=weight_dtype,
                name=f"{model.cell}_{i}",
            )
            for i in numbers
        ]
        self.norms = [
            keras.layers.LayerNormalization(1, epsilon=NORM_EPSILON, dtype=weight_dtype, name=f"norm_{i}")
            for i in numbers
            if model.layer_norm
        ]
        rates = [model.dropout] * (model.num_layers - 1)
        rates.append(model.dropout if model.output_dropout is None else model.output_dropout)
        self.dropouts = [
            _make_dropout(model, rate, seed + 10 * i + 5, weight_dtype, f"dropout_{i}")
            for i, rate in zip(numbers, rates, strict=True)
        ]
        self.initial_states = [
            InitialState(cell.state_names, model.hidden_size, dtype=weight_dtype, name=f"initial_state_{i}")
            for i in numbers
            if model.learn_initial_state
        ]
        self.output_layer = make_output(model, num_symbols, seed + 1, precision, weight_dtype)
        self._build()

    def _build(self) -> None:
        """Make all variables, in the order of the layers."""
        input_size = self.num_symbols
        if self.embedding is not None:
            self.embedding.build()
            input_size = self.embedding.output_dim
        for layer in self.recurrent:
            layer.build((None, None, input_size))
            input_size = self.hidden_size
        for layer in [*self.norms, *self.dropouts, self.output_layer]:
            if not layer.built:
                layer.build((None, self.hidden_size, None))
        self.built = True

    def list_dropouts(self) -> list[keras.layers.Dropout]:
        """Return the dropout layers in the order of their seeds among the variables, also those with a rate of 0."""
        of_weights = [layer.weight_dropout for layer in self.recurrent]
        return [self.embedding_dropout, self.input_dropout, *of_weights, *self.dropouts]

    def first_states(self, batch_size: int) -> States:
        """Return the states of batch_size streams at the start of a text: zero, or learned and differentiable."""
        if self.initial_states:
            return [initial_state.repeat(batch_size) for initial_state in self.initial_states]
        zeros_bh = tf.zeros((batch_size, self.hidden_size), self._weight_dtype)
        return [(zeros_bh,) * len(layer.cell.state_names) for layer in self.recurrent]

    def call(self, ids_bt: Any, states: States, training: bool = False) -> tuple[Any, States]:
        """Return float32 logits_btv and the states after the last character.

        Args:
            ids_bt: int32 symbol ids.
            states: of the character before the first, see `first_states`.
            training: whether dropout is on.
        """
        logits_vtb, states = self.call_symbols_first(ids_bt, states, training)
        return tf.transpose(logits_vtb), states

    def call_symbols_first(self, ids_bt: Any, states: States, training: bool = False) -> tuple[Any, States]:
        """Return float32 logits_vtb, whose loss is found fastest, and the states at the end; as `call`."""
        features_thb, states = self._find_features(ids_bt, states, training=training)
        return self._find_logits(features_thb), states

    def call_at_end(self, ids_bt: Any, states: States) -> tuple[Any, States]:
        """Return float32 logits_bv after the last character alone, and the states there, without dropout; as `call`."""
        features_thb, states = self._find_features(ids_bt, states, training=False)
        return tf.transpose(self._find_logits(features_thb[-1:])[:, 0]), states

    def call_on_vectors(self, inputs_bte: Any, ids_bt: Any, states: States) -> Any:
        """Return the logits_bv of `call_at_end` from the first layer's input vectors, whose gradient a tape finds.

        Args:
            inputs_bte: rows of `input_vectors`, or one-hot.
            ids_bt: the symbols that they stand for.
            states: as of `call`.
        """
        resets = self._find_resets(ids_bt)
        inputs_teb = tf.transpose(inputs_bte, [1, 2, 0])
        read = self.recurrent[0](inputs_teb, states[0], **_list_options(resets, 0, training=True, drops=False))
        features_thb, _ = self._climb(read, states, resets, training=True, drops=False)
        return tf.transpose(self._find_logits(features_thb[-1:])[:, 0])

    def _find_features(self, ids_bt: Any, states: States, *, training: bool) -> tuple[Any, States]:
        """Return the features_thb of the output layer and all states after the last character."""
        resets = self._find_resets(ids_bt)
        read = self._read(ids_bt, states[0], _list_options(resets, 0, training=training, drops=training))
        return self._climb(read, states, resets, training=training, drops=training)

    def _climb(
        self, read: tuple[Any, State], states: States, resets: list[Resets] | None, *, training: bool, drops: bool
    ) -> tuple[Any, States]:
        """Return the features of the output layer and all states from the outputs and the state of the first layer."""
        features_thb, new_states = None, []
        for i, (layer, dropout) in enumerate(zip(self.recurrent, self.dropouts, strict=True)):
            options = _list_options(resets, i, training=training, drops=drops)
            outputs_thb, state = read if i == 0 else layer(features_thb, states[i], **options)
            if self.norms:
                outputs_thb = self.norms[i](outputs_thb)
            if self.residual and features_thb is not None:
                outputs_thb += tf.cast(features_thb, outputs_thb.dtype)
            # Drawn in 32 bits: bfloat16 would round a rate to a multiple of 1/128.
            features_thb = dropout(outputs_thb, training=drops) if dropout.rate > 0 else outputs_thb
            new_states.append(state)
        return features_thb, new_states

    def _find_resets(self, ids_bt: Any) -> list[Resets] | None:
        """Return where each layer starts anew, and from what: before each line break."""
        if self.line_break is None:
            return None
        return [(tf.equal(ids_bt, self.line_break), first) for first in self.first_states(ids_bt.shape[0])]

    def _read(self, ids_bt: Any, state: State, options: dict[str, Any]) -> tuple[Any, State]:
        """Return the outputs and the state of the first layer."""
        layer, training = self.recurrent[0], options["training"]
        if self.embedding is None:
            return layer.call_on_ids(ids_bt, None, state, **options)
        vectors_ve = self.embedding_dropout(self.input_vectors(), training=training)
        if training and self.input_dropout.rate > 0:
            inputs_teb = tf.transpose(tf.gather(vectors_ve, tf.transpose(ids_bt)), [0, 2, 1])
            outputs_thb, after = layer(self.input_dropout(inputs_teb, training=training), state, **options)
            return outputs_thb, after
        return layer.call_on_ids(ids_bt, vectors_ve, state, **options)

    def input_vectors(self) -> Any:
        """Return the input vector of each symbol, vectors_ve."""
        assert self.embedding is not None, "one-hot: there are none"
        embedding_ve = tf.convert_to_tensor(self.embedding.embeddings)
        return embedding_ve if self.input_scale == 1.0 else embedding_ve * self.input_scale

    def _find_logits(self, features_thb: Any) -> Any:
        """Return logits_vtb: one product over all characters, not one a step."""
        t, h, b = features_thb.shape
        arguments = [tf.reshape(tf.transpose(features_thb, [1, 0, 2]), [h, t * b])]
        if isinstance(self.output_layer, TiedOutput):
            assert self.embedding is not None
            arguments.append(self.embedding.embeddings)
        return tf.reshape(self.output_layer(*arguments), [self.num_symbols, t, b])


def _list_options(resets: list[Resets] | None, number: int, **options: bool) -> dict[str, Any]:
    """Return the options of a call of a recurrent layer; a network that never starts anew passes no resets."""
    return options if resets is None else {**options, "resets": resets[number]}


def build_network(
    model: SizedModel, *, num_symbols: int, precision: Precision, seed: int, line_break: int | None = None
) -> Network:
    """Return the network of a run, see `Network`, with number format and layers chosen for this machine."""
    gpu = has_gpu()
    return Network(
        num_symbols=num_symbols,
        model=model,
        precision=choose_precision(precision, gpu=gpu),
        seed=seed,
        layer=choose_layer(CELLS.find(model.cell), gpu=gpu, resets=line_break is not None),
        line_break=line_break,
    )


def list_parameters(network: Network) -> list[tuple[str, tuple[int, ...], int]]:
    """Return name, shape and number of weights of every trainable variable, in order."""
    return [
        (v.path.removeprefix("network/"), tuple(v.shape), v.value.shape.num_elements())
        for v in network.trainable_variables
    ]


def count_parameters(network: Network) -> int:
    """Return the number of trainable weights."""
    return sum(count for _, _, count in list_parameters(network))


def _make_dropout(model: ModelConfig, rate: float, seed: int, dtype: str, name: str) -> keras.layers.Dropout:
    shape = (1, None, None) if model.variational_dropout else None
    return keras.layers.Dropout(rate, noise_shape=shape, seed=seed, dtype=dtype, name=name)
