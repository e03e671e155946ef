"""One LSTM layer, trained fast on a CPU; weights and maths are those of keras.layers.LSTM.

Axes: b batch, t time, v vocabulary, e input features, h hidden, z = 4h gates (i, f, g, o), k = e + h, n = t * b.

Three facts about XLA on a CPU (TensorFlow 2.21) shape this file; docs/LOG.md has the numbers:
- It multiplies bfloat16 fast only as bf16 x bf16 -> float32 (`output_type`) with a plain left operand. So arrays are
  features first and batch last, weights_zk @ inputs_kb, and weights are transposed outside the compiled functions, or
  XLA undoes it.
- It writes a bfloat16 slice into a stack by converting the whole stack. So stacks hold the bits as int16.
- A slice of a stack that is read more than once in a step stops vectorisation. So forward saves not the gates but their
  local derivatives ("slopes"), and backward only multiplies: d_z = (d_c, d_c, d_c, d_h) * slopes.
"""

from typing import Any

import keras
import tensorflow as tf

State = tuple[Any, Any]
"""(hidden_bh, cell_bh) outside, (hidden_hb, cell_hb) inside."""

TINY = 32
"""Products of so few numbers are made in float32: XLA does not compile a bfloat16 one of 2 x 4 or 4 x 2 in a loop."""

_compile = tf.function(jit_compile=True, autograph=False)


class LSTM(keras.layers.Layer):
    """keras.layers.LSTM (same weights, same order) with its states passed in and out.

    Args:
        units: h.
        seed: of the first weights: Glorot-uniform kernel, orthogonal recurrent kernel, forget bias 1.
        precision: "float32" computes in the dtype of the weights; "bfloat16" multiplies bfloat16 and sums float32.
        dtype: of weights and states.
        name: of the layer.
    """

    def __init__(self, units: int, *, seed: int, precision: str, dtype: str = "float32", name: str = "lstm") -> None:
        super().__init__(autocast=False, dtype=dtype, name=name)
        self.units, self.seed, self.precision = units, seed, precision

    def build(self, inputs_shape: tuple[int | None, ...], states_shape: Any = None) -> None:
        """Make the weights for inputs of so many features."""
        e, h = inputs_shape[-1], self.units
        glorot, orthogonal = keras.initializers.GlorotUniform(self.seed), keras.initializers.Orthogonal(seed=self.seed)
        self.kernel = self.add_weight(name="kernel", shape=(e, 4 * h), initializer=glorot)
        self.recurrent_kernel = self.add_weight(name="recurrent_kernel", shape=(h, 4 * h), initializer=orthogonal)
        self.bias = self.add_weight(name="bias", shape=(4 * h,), initializer="zeros")
        self.bias.assign(tf.repeat(tf.constant([0, 1, 0, 0], self.bias.dtype), h))  # the forget gate starts open

    def call(self, inputs_bte: Any, states: State, training: bool = False) -> tuple[Any, State]:
        """Return outputs_bth and the states after the last step; a gradient needs training=True."""
        inputs_teb = tf.transpose(inputs_bte, [1, 2, 0])
        outputs_thb, state = run_lstm(
            inputs_teb, self._weights(), _turn(states), precision=self.precision, training=training
        )
        return tf.transpose(outputs_thb, [2, 0, 1]), _turn(state)

    def call_on_ids(self, ids_bt: Any, embedding_ve: Any, states: State, training: bool = False) -> tuple[Any, State]:
        """Do what `call` does on the rows of embedding_ve that ids_bt picks."""
        outputs_thb, state = run_lstm_on_ids(
            ids_bt,
            tf.convert_to_tensor(embedding_ve),
            self._weights(),
            _turn(states),
            precision=self.precision,
            training=training,
        )
        return tf.transpose(outputs_thb, [2, 0, 1]), _turn(state)

    def _weights(self) -> tuple[Any, Any, Any]:
        kernel, recurrent_kernel, bias = map(tf.convert_to_tensor, (self.kernel, self.recurrent_kernel, self.bias))
        return kernel, recurrent_kernel, bias


class KerasLSTM(LSTM):
    """The same layer, computed by keras.layers.LSTM: on a GPU that is cuDNN, which is faster there."""

    def build(self, inputs_shape: tuple[int | None, ...], states_shape: Any = None) -> None:
        """Make the weights for inputs of so many features."""
        super().build(inputs_shape)
        policy = "mixed_bfloat16" if self.precision == "bfloat16" else self.dtype
        layer = keras.layers.LSTM(self.units, return_sequences=True, return_state=True, dtype=policy)
        layer.build(inputs_shape)
        seeds = [seed.value for seed in layer.non_trainable_variables]  # of its dropout, which is off

        # A function, not the layer, or Keras would count its weights, which are not used, as ours.
        def run(inputs_bte: Any, states: State) -> Any:
            return layer.stateless_call(self._weights(), seeds, inputs_bte, initial_state=list(states))[0]

        self._run = run

    def call(self, inputs_bte: Any, states: State, training: bool = False) -> tuple[Any, State]:
        """Return outputs_bth and the states after the last step."""
        outputs_bth, hidden_bh, cell_bh = self._run(inputs_bte, states)
        return outputs_bth, (tf.cast(hidden_bh, self.dtype), tf.cast(cell_bh, self.dtype))

    def call_on_ids(self, ids_bt: Any, embedding_ve: Any, states: State, training: bool = False) -> tuple[Any, State]:
        """Do what `call` does on the rows of embedding_ve that ids_bt picks."""
        return self.call(tf.gather(tf.convert_to_tensor(embedding_ve), ids_bt), states, training)


def run_lstm(
    inputs_teb: Any,
    weights: tuple[Any, Any, Any],
    states: State,
    *,
    precision: str,
    training: bool,
    need_input_gradient: bool = True,
) -> tuple[Any, State]:
    """Run one layer over all steps.

    Args:
        inputs_teb: floats, features first, batch last; all three sizes known when traced.
        weights: kernel_ez, recurrent_kernel_hz, bias_z.
        states: h_hb, c_hb before the first step.
        precision: see `LSTM`.
        training: False saves nothing for a gradient and is faster.
        need_input_gradient: False (inputs are data) saves a product; the inputs' gradient is then None.

    Returns:
        outputs_thb (bfloat16 if the precision is), (h_hb, c_hb) after the last step.
    """
    dtype = weights[0].dtype
    operand = tf.bfloat16 if precision == "bfloat16" else dtype
    inputs_teb = tf.cast(inputs_teb, operand)

    @tf.custom_gradient
    def apply(*arguments: Any) -> tuple[Any, Any]:
        # Without stop_gradient an eager tape would differentiate the compiled functions too, to no use.
        inputs_teb, kernel_ez, recurrent_kernel_hz, bias_z, h_hb, c_hb = map(tf.stop_gradient, arguments)
        kernel_ez, recurrent_kernel_hz = tf.cast(kernel_ez, operand), tf.cast(recurrent_kernel_hz, operand)
        weights_zk = tf.transpose(tf.concat([kernel_ez, recurrent_kernel_hz], 0))
        results = _forward(inputs_teb, weights_zk, bias_z, h_hb, c_hb, training)
        outputs_thb, states, saved = tf.nest.map_structure(tf.stop_gradient, results)

        def backward(d_outputs_thb: Any, d_h_hb: Any, d_c_hb: Any) -> tuple[Any, ...]:
            assert training, "a gradient needs training=True"
            xs_tkb, slopes = saved
            d_zs_tzb, d_h_hb, d_c_hb = _backward(slopes, recurrent_kernel_hz, d_outputs_thb, d_h_hb, d_c_hb)
            d_z_zn = _flatten_time(d_zs_tzb, operand)
            d_weights_kz = _multiply_weight_gradients(_flatten_time(xs_tkb, operand), d_z_zn, dtype)
            d_inputs_teb = None
            if need_input_gradient:
                d_inputs_en = tf.cast(_multiply_inputs(kernel_ez, d_z_zn, dtype), operand)
                d_inputs_teb = tf.transpose(tf.reshape(d_inputs_en, [-1, *inputs_teb.shape[::2]]), [1, 0, 2])
            size = kernel_ez.shape[0]
            return d_inputs_teb, d_weights_kz[:size], d_weights_kz[size:-1], d_weights_kz[-1], d_h_hb, d_c_hb

        return (outputs_thb, *states), backward

    outputs_thb, h_hb, c_hb = apply(inputs_teb, *weights, *states)
    return outputs_thb, (h_hb, c_hb)


def run_lstm_on_ids(
    ids_bt: Any, embedding_ve: Any, weights: tuple[Any, Any, Any], states: State, *, precision: str, training: bool
) -> tuple[Any, State]:
    """Run a first layer whose inputs are rows of an embedding; like `run_lstm` otherwise.

    A one-hot times the small matrix embedding @ kernel is the same as the embedding times the kernel. It joins the
    product of each step and the one of the weight gradient, and saves the inputs' gradient: less work while v < 2 e.
    """
    kernel_ez, *others = weights
    v, e = embedding_ve.shape
    ids_tb = tf.transpose(ids_bt)
    if v < 2 * e:
        inputs_tvb = tf.one_hot(ids_tb, v, axis=1, dtype=tf.bfloat16 if precision == "bfloat16" else kernel_ez.dtype)
        folded = (embedding_ve @ kernel_ez, *others)
        return run_lstm(inputs_tvb, folded, states, precision=precision, training=training, need_input_gradient=False)
    inputs_teb = tf.transpose(tf.gather(embedding_ve, ids_tb), [0, 2, 1])
    return run_lstm(inputs_teb, weights, states, precision=precision, training=training)


@_compile
def _forward(inputs_teb: Any, weights_zk: Any, bias_z: Any, h_hb: Any, c_hb: Any, training: bool) -> tuple[Any, ...]:
    """Return outputs_thb, the last states, and what the gradient needs: xs_tkb and six slopes_thb, as bits."""
    operand, dtype, (h, b), num_steps = weights_zk.dtype, h_hb.dtype, h_hb.shape, inputs_teb.shape[0]
    bits_teb = _to_bits(inputs_teb)
    # sigmoid(z) = tanh(z / 2) / 2 + 1 / 2, so that all four gates are one tanh
    scales_411 = tf.constant([0.5, 0.5, 1, 0.5], dtype)[:, None, None]
    bias_4h1 = tf.reshape(bias_z, [4, h, 1])

    def new_stack() -> Any:
        return tf.TensorArray(_to_bits(tf.zeros([], operand)).dtype, num_steps)

    def step(t: Any, h_hb: Any, c_hb: Any, outputs: Any, xs: Any, slopes: Any) -> tuple[Any, ...]:
        x_kb = tf.concat([_from_bits(bits_teb[t], operand), tf.cast(h_hb, operand)], 0)
        z_4hb = tf.reshape(_multiply(weights_zk, x_kb, dtype), [4, h, b]) + bias_4h1
        i, f, g, o = tf.unstack(tf.tanh(z_4hb * scales_411) * scales_411 + (1 - scales_411))
        new_c_hb = f * c_hb + i * g
        tanh_c = tf.tanh(new_c_hb)
        new_h_hb = o * tanh_c
        outputs = outputs.write(t, _to_bits(tf.cast(new_h_hb, operand)))
        if training:
            # dc/dz of i, f, g; dh/dz of o; dh/dc; dc/dc of the step before
            d_z = (g * i * (1 - i), c_hb * f * (1 - f), i * (1 - g * g), tanh_c * o * (1 - o))
            values = (*d_z, o * (1 - tanh_c * tanh_c), f)
            pairs = zip(slopes, values, strict=True)
            slopes = [stack.write(t, _to_bits(tf.cast(value, operand))) for stack, value in pairs]
            xs = xs.write(t, _to_bits(x_kb))
        return t + 1, new_h_hb, new_c_hb, outputs, xs, slopes

    stacks = (new_stack(), [new_stack() for _ in range(6)]) if training else (0, 0)
    start = (0, h_hb, c_hb, new_stack(), *stacks)
    _, h_hb, c_hb, outputs, xs, slopes = tf.while_loop(lambda t, *_: t < num_steps, step, start)
    saved = (xs.stack(), [stack.stack() for stack in slopes]) if training else ()
    return _from_bits(outputs.stack(), operand), (h_hb, c_hb), saved


@_compile
def _backward(slopes: Any, recurrent_kernel_hz: Any, d_outputs_thb: Any, d_h_hb: Any, d_c_hb: Any) -> tuple[Any, ...]:
    """Go from the last step to the first; return d_zs_tzb as bits and the gradients of the initial states."""
    operand, dtype, num_steps = recurrent_kernel_hz.dtype, d_h_hb.dtype, d_outputs_thb.shape[0]
    bits_thb = _to_bits(d_outputs_thb)

    def step(t: Any, d_h_hb: Any, d_c_hb: Any, d_zs: Any) -> tuple[Any, ...]:
        i, f, g, o, dh_dc, forget = (tf.cast(_from_bits(stack[t], operand), dtype) for stack in slopes)
        d_h_hb += tf.cast(_from_bits(bits_thb[t], operand), dtype)
        d_c_hb += d_h_hb * dh_dc
        d_z_zb = tf.concat([tf.cast(d, operand) for d in (d_c_hb * i, d_c_hb * f, d_c_hb * g, d_h_hb * o)], 0)
        return t - 1, _multiply(recurrent_kernel_hz, d_z_zb, dtype), d_c_hb * forget, d_zs.write(t, _to_bits(d_z_zb))

    start = (num_steps - 1, d_h_hb, d_c_hb, tf.TensorArray(slopes[0].dtype, num_steps))
    _, d_h_hb, d_c_hb, d_zs = tf.while_loop(lambda t, *_: t >= 0, step, start)
    return d_zs.stack(), d_h_hb, d_c_hb


@_compile
def _multiply_weight_gradients(x_kn: Any, d_z_zn: Any, dtype: Any) -> Any:
    """Return the gradients of weights_kz and, as one more row, of the bias: one product over all steps."""
    x_kn = tf.concat([x_kn, tf.ones([1, x_kn.shape[1]], x_kn.dtype)], 0)
    return _multiply(x_kn, d_z_zn, dtype, transpose_b=True)


@_compile
def _multiply_inputs(kernel_ez: Any, d_z_zn: Any, dtype: Any) -> Any:
    return _multiply(kernel_ez, d_z_zn, dtype)


def _multiply(a: Any, b: Any, dtype: Any, transpose_b: bool = False) -> Any:
    if a.shape[0] * b.shape[0 if transpose_b else 1] <= TINY:
        a, b = tf.cast(a, dtype), tf.cast(b, dtype)
    return tf.matmul(a, b, output_type=None if a.dtype == dtype else dtype, transpose_b=transpose_b)


def _flatten_time(stack_tab: Any, operand: Any) -> Any:
    """Bits [t, a, b] to numbers [a, t * b]; not compiled, or XLA would fold the transpose into the next product."""
    return _from_bits(tf.reshape(tf.transpose(stack_tab, [1, 0, 2]), [stack_tab.shape[1], -1]), operand)


def _to_bits(array: Any) -> Any:
    return tf.bitcast(array, tf.int16) if array.dtype == tf.bfloat16 else array


def _from_bits(array: Any, dtype: Any) -> Any:
    return tf.bitcast(array, dtype) if dtype == tf.bfloat16 else array


def _turn(states: State) -> State:
    return tf.transpose(states[0]), tf.transpose(states[1])
