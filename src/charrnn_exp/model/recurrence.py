"""The fast recurrent layer for a CPU: the loop over time and its gradient by hand, for any cell.

Axes: b stream, t time, n character (t * b), v vocabulary, e input features, k matrix columns (e + h), m matrix rows
(of any stack), h hidden units, z gates (rows of a product). A stack is an array with one slice for each time step.

Four facts about XLA on a CPU (TensorFlow 2.21) shape this file; docs/log/recurrent_layer.md has the numbers:
- It multiplies bfloat16 fast only as bf16 x bf16 -> float32 (`output_type`) with a left operand that is not transposed.
  So arrays are features first and batch last, weights_zk @ inputs_kb, and weights are transposed outside the compiled
  functions: inside, XLA would fold the transpose back into the product.
- It writes a bfloat16 slice into a stack by converting the whole stack. So stacks hold the bits as int16.
- It stops vectorising where a step reads a slice of a stack more than once. So forward saves local derivatives
  ("slopes"), each read once, in place of the gates.
- It hands a function of more than eight operations to TensorFlow's pool of threads, where two parts of a batch that are
  computed at once (training/step.py) wait for each other. So all slopes share a stack, whose zeros are one operation.
"""

from typing import Any

import tensorflow as tf

from charrnn_exp.model.cells.cell import Cell, State, Values
from charrnn_exp.model.gradients import custom_gradient
from charrnn_exp.model.products import (
    compile_by_xla,
    find_rows,
    find_weight_gradients,
    lay_out,
    multiply,
    multiply_step,
    order,
)

Resets = tuple[Any, State]
"""Before which steps streams start anew, bool [t, b], and from which states, [h, b] each."""

MAX_ONE_HOT = 256
"""Largest number of symbols for which a one-hot product beats gathering kernel rows and summing their gradients."""


def run(
    cell: Cell,
    inputs_teb: Any,
    weights: Values,
    states: State,
    *,
    precision: str,
    training: bool,
    need_input_gradient: bool = True,
    offsets_tzb: Any | None = None,
    resets: Resets | None = None,
) -> tuple[Any, State]:
    """Run one layer over all steps; return outputs_thb (bfloat16 if the precision is) and the states after the last.

    Args:
        cell: the maths of a step.
        inputs_teb: floats; all three sizes are known when traced.
        weights: of the layer by name, in the order of the cell.
        states: [h, b] each, before the first step.
        precision: see `Recurrent`.
        training: whether to keep the values that a gradient needs; False is faster.
        need_input_gradient: False, for inputs that are data, saves a product; their gradient is then None.
        offsets_tzb: added to the product of inputs and kernel; None: nothing.
        resets: where streams start anew, before a step, and from what; None: nowhere.
    """
    names, dtype = tuple(weights), weights[cell.kernel].dtype
    operand = tf.bfloat16 if precision == "bfloat16" else dtype
    sources = [tf.cast(source, operand) for source in (inputs_teb, offsets_tzb) if source is not None]
    resets_tb, firsts = (None, ()) if resets is None else resets
    structure = (sources, [*weights.values()], tuple(states), tuple(firsts))

    @custom_gradient
    def apply(*arguments: Any) -> tuple[Any, Any]:
        # stop_gradient keeps an eager tape from also differentiating the compiled functions.
        arguments = tf.nest.pack_sequence_as(structure, list(map(tf.stop_gradient, arguments)))
        (inputs_teb, *offsets), values, states, firsts = arguments
        values = dict(zip(names, values, strict=True))
        kernel_ez, recurrent_kernel_hz = _pop_matrices(cell, values, operand)
        matrices, sources = lay_out(cell, kernel_ez, recurrent_kernel_hz), [*map(_to_bits, (inputs_teb, *offsets))]
        results = _forward(cell, sources, matrices, values, states, training, (resets_tb, firsts))
        bits_thb, states, saved = tf.nest.map_structure(tf.stop_gradient, results)

        def backward(d_outputs_thb: Any, *d_states: Any) -> tuple[Any, ...]:
            assert training, "a gradient needs training=True"
            xs_tkb, slopes = saved
            others = {name: values[name] for name in cell.state_weights}
            arguments = (cell, slopes, recurrent_kernel_hz, others, d_outputs_thb, d_states, resets_tb)
            d_zs_tzb, d_states, d_others, d_firsts = _backward(*arguments)
            d_z_zn, e, h = _flatten_time(d_zs_tzb, operand), kernel_ez.shape[0], states[0].shape[0]
            d_weights = find_weight_gradients(cell, _flatten_time(xs_tkb, operand), d_z_zn, e, dtype) | d_others
            rows, d_sources = find_rows(cell.gates_of_inputs, h), [None]
            if need_input_gradient:
                d_sources = [_find_input_gradient(order(cell, kernel_ez, h), d_z_zn[rows], inputs_teb.shape, dtype)]
            d_sources += [order(cell, _from_bits(d_zs_tzb[:, rows], operand), h, axis=1, back=True) for _ in offsets]
            return *d_sources, *(d_weights[name] for name in names), *d_states, *d_firsts

        return (_from_bits(bits_thb, operand), *states), backward

    outputs_thb, *states = apply(*tf.nest.flatten(structure))
    return outputs_thb, tuple(states)


def run_on_ids(
    cell: Cell,
    ids_bt: Any,
    embedding_ve: Any | None,
    weights: Values,
    states: State,
    *,
    precision: str,
    training: bool,
    resets: Resets | None = None,
) -> tuple[Any, State]:
    """Run a first layer on ids: its inputs are rows of an embedding, or one-hot if that is None; see `run`.

    A one-hot times the small matrix embedding @ kernel is the same as the embedding times the kernel. It joins the
    product of each step and the one of the weight gradient, and saves the inputs' gradient: less work while v < 2 e.
    """
    kernel = weights[cell.kernel]
    ids_tb = tf.transpose(ids_bt)
    (t, b), dtype = ids_tb.shape, kernel.dtype
    operand = tf.bfloat16 if precision == "bfloat16" else dtype
    options: dict[str, Any] = {"precision": precision, "training": training, "resets": resets}
    if embedding_ve is not None and embedding_ve.shape[0] >= 2 * embedding_ve.shape[1]:
        inputs_teb = tf.transpose(tf.gather(embedding_ve, ids_tb), [0, 2, 1])
        return run(cell, inputs_teb, weights, states, **options)
    if embedding_ve is None and kernel.shape[0] > MAX_ONE_HOT:
        # Only hidden values are multiplied: the inputs have no features.
        offsets_tzb = tf.transpose(tf.gather(kernel, ids_tb), [0, 2, 1])
        nothing = {**weights, cell.kernel: tf.zeros([0, kernel.shape[1]], dtype)}
        options |= {"need_input_gradient": False, "offsets_tzb": offsets_tzb}
        return run(cell, tf.zeros([t, 0, b], operand), nothing, states, **options)
    folded = kernel if embedding_ve is None else embedding_ve @ kernel
    inputs_tvb = tf.one_hot(ids_tb, folded.shape[0], axis=1, dtype=operand)
    return run(cell, inputs_tvb, {**weights, cell.kernel: folded}, states, need_input_gradient=False, **options)


def _pop_matrices(cell: Cell, values: dict[str, Any], operand: Any) -> tuple[Any, Any | None]:
    """Remove kernel and recurrent kernel (None: the cell has none) from the weights; return them as operands."""
    kernel_ez = tf.cast(values.pop(cell.kernel), operand)
    return kernel_ez, None if cell.recurrent_kernel is None else tf.cast(values.pop(cell.recurrent_kernel), operand)


@compile_by_xla
def _forward(
    cell: Any,
    sources: list[Any],
    matrices: list[Any],
    values: Any,
    states: State,
    training: bool,
    resets: Resets,
) -> tuple[Any, ...]:
    """Return outputs_thb, the last states, and for the gradient xs_tkb and the slopes [t * number, h, b].

    All but states and weights are bits: turned into numbers here, each would be an operation of its own.
    """
    bits_teb, *offset_bits = sources
    operand, dtype, num_steps = matrices[0].dtype, states[0].dtype, bits_teb.shape[0]
    resets_tb, firsts = resets

    def step(t: Any, states: State, outputs: Any, xs: Any, slopes: Any) -> tuple[Any, ...]:
        x_kb = _from_bits(bits_teb[t], operand)
        if resets_tb is not None:
            starts_b = resets_tb[t]
            states = tuple(tf.where(starts_b, *pair) for pair in zip(firsts, states, strict=True))
        if cell.recurrent_kernel is not None:
            x_kb = tf.concat([x_kb, tf.cast(states[0], operand)], 0)
        products = multiply_step(cell, matrices, x_kb, dtype)
        for bits_tzb in offset_bits:
            products[0] += tf.cast(_from_bits(bits_tzb[t], operand), dtype)
        states, kept = cell.step(products, values, states)
        outputs = outputs.write(t, _to_bits(tf.cast(states[0], operand)))
        if training:
            for i, value in zip(range(cell.num_slopes), kept, strict=True):
                slopes = slopes.write(t * cell.num_slopes + i, _to_bits(tf.cast(value, operand)))
            xs = xs.write(t, _to_bits(x_kb))
        return t + 1, states, outputs, xs, slopes

    def new_stack(slices_a_step: int = 1) -> Any:
        return tf.TensorArray(bits_teb.dtype, num_steps * slices_a_step)

    stacks = (new_stack(), new_stack(cell.num_slopes)) if training else (0, 0)
    start = (0, tuple(states), new_stack(), *stacks)
    _, states, outputs, xs, slopes = tf.while_loop(lambda t, *_: t < num_steps, step, start)
    return outputs.stack(), states, (xs.stack(), slopes.stack()) if training else ()


@compile_by_xla
def _backward(
    cell: Any,
    slopes: Any,
    recurrent_kernel_hz: Any,
    weights: Any,
    d_outputs_thb: Any,
    d_states: State,
    resets_tb: Any | None,
) -> tuple[Any, ...]:
    """Run the gradient from the last step to the first.

    Returns:
        d_zs_tzb as bits, the gradients of the initial states, the gradients of the weights that read states, those of
        the states that streams start anew from.
    """
    dtype, num_steps = d_states[0].dtype, d_outputs_thb.shape[0]
    h, b = d_states[0].shape
    operand, recurrent = d_outputs_thb.dtype, find_rows(cell.gates_of_hidden, h)
    bits_thb = _to_bits(d_outputs_thb)

    def step(t: Any, d_states: State, d_weights: Any, d_firsts: State, d_gate_stack: Any) -> tuple[Any, ...]:
        own = [slopes[t * cell.num_slopes + i] for i in range(cell.num_slopes)]
        values = [tf.cast(_from_bits(slope_hb, operand), dtype) for slope_hb in own]
        d_h_hb = d_states[0] + tf.cast(_from_bits(bits_thb[t], operand), dtype)
        d_gates, (d_direct_hb, *others), d_more = cell.step_back(values, weights, (d_h_hb, *d_states[1:]))
        d_z_zb = tf.concat([tf.cast(d, operand) for d in d_gates], 0)
        terms = [] if recurrent_kernel_hz is None else [multiply(recurrent_kernel_hz, d_z_zb[recurrent], dtype)]
        terms += [] if d_direct_hb is None else [d_direct_hb]
        d_h_hb = sum(terms[1:], terms[0]) if terms else tf.zeros_like(d_h_hb)
        d_weights = {name: d_weights[name] + d_more[name] for name in d_weights}
        d_states = (d_h_hb, *others)
        if resets_tb is not None:
            starts_b, zeros_hb = resets_tb[t], tf.zeros_like(d_h_hb)
            pairs = zip(d_firsts, d_states, strict=True)
            d_firsts = tuple(d_first_hb + tf.where(starts_b, d_hb, zeros_hb) for d_first_hb, d_hb in pairs)
            d_states = tuple(tf.where(starts_b, zeros_hb, d_hb) for d_hb in d_states)
        return t - 1, d_states, d_weights, d_firsts, d_gate_stack.write(t, _to_bits(d_z_zb))

    # One column per stream, summed at the end: a sum over streams in each step would not vectorise.
    d_weights = {name: tf.zeros([*weight.shape, b], dtype) for name, weight in weights.items()}
    d_firsts = () if resets_tb is None else tuple(map(tf.zeros_like, d_states))
    start = (num_steps - 1, tuple(d_states), d_weights, d_firsts, tf.TensorArray(slopes.dtype, num_steps))
    _, d_states, d_weights, d_firsts, d_gate_stack = tf.while_loop(lambda t, *_: t >= 0, step, start)
    d_weights = {name: tf.reduce_sum(d, axis=-1) for name, d in d_weights.items()}
    return d_gate_stack.stack(), d_states, d_weights, d_firsts


def _find_input_gradient(kernel_ez: Any, d_z_zn: Any, shape: Any, dtype: Any) -> Any:
    """Return the gradient of inputs of a shape [t, e, b]."""
    d_inputs_en = tf.cast(_multiply_inputs(kernel_ez, d_z_zn, dtype), d_z_zn.dtype)
    return tf.transpose(tf.reshape(d_inputs_en, [-1, *shape[::2]]), [1, 0, 2])


@compile_by_xla
def _multiply_inputs(kernel_ez: Any, d_z_zn: Any, dtype: Any) -> Any:
    return multiply(kernel_ez, d_z_zn, dtype)


def _flatten_time(stack_tmb: Any, operand: Any) -> Any:
    """Turn a stack [t, m, b] (bfloat16 stored as int16) into numbers [m, t * b].

    To be called outside of compiled functions: XLA would fold the transpose into the product.
    """
    return _from_bits(tf.reshape(tf.transpose(stack_tmb, [1, 0, 2]), [stack_tmb.shape[1], -1]), operand)


def _to_bits(array: Any) -> Any:
    return tf.bitcast(array, tf.int16) if array.dtype == tf.bfloat16 else array


def _from_bits(array: Any, dtype: Any) -> Any:
    return tf.bitcast(array, dtype) if dtype == tf.bfloat16 else array
