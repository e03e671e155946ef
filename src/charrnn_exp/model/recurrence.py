"""A recurrent layer trained fast on a CPU, whatever its cell: the loop over time and its gradient, written by hand.

Axes: b batch, t time, v vocabulary, e input features, h hidden, k = e + h, n = t * b, z the gates: rows of a product.

Three facts about XLA on a CPU (TensorFlow 2.21) shape this file; docs/log/recurrent_layer.md has the numbers:
- It multiplies bfloat16 fast only as bf16 x bf16 -> float32 (`output_type`) with a plain left operand. So arrays are
  features first and batch last, weights_zk @ inputs_kb, and weights are transposed outside the compiled functions, or
  XLA undoes it.
- It writes a bfloat16 slice into a stack by converting the whole stack. So stacks hold the bits as int16.
- A slice of a stack that is read more than once in a step stops vectorisation. So forward saves not the gates but their
  local derivatives ("slopes"), and backward only multiplies.
"""

from typing import Any

import tensorflow as tf

from charrnn_exp.model.cells.cell import RecurrentCell, State, Weights, compile_by_xla, multiply

MAX_ONE_HOT = 256
"""Up to so many symbols a one-hot product is faster than gathering the rows of a kernel and summing their gradients."""


def run(
    cell: type[RecurrentCell],
    inputs_teb: Any,
    weights: Weights,
    states: State,
    *,
    precision: str,
    training: bool,
    need_input_gradient: bool = True,
    offsets_tzb: Any | None = None,
) -> tuple[Any, State]:
    """Run one layer over all steps.

    Args:
        cell: the maths of a step.
        inputs_teb: floats, features first, batch last; all three sizes known when traced.
        weights: kernel_ez, recurrent_kernel_hz, bias.
        states: [h, b] each, before the first step.
        precision: see `Recurrent`.
        training: False saves nothing for a gradient and is faster.
        need_input_gradient: False (inputs are data) saves a product; the inputs' gradient is then None.
        offsets_tzb: what is added to the inputs' product with the kernel; None: nothing.

    Returns:
        outputs_thb (bfloat16 if the precision is), states after the last step.
    """
    dtype = weights[0].dtype
    operand = tf.bfloat16 if precision == "bfloat16" else dtype
    sources = [tf.cast(source, operand) for source in (inputs_teb, offsets_tzb) if source is not None]

    @tf.custom_gradient
    def apply(*arguments: Any) -> tuple[Any, Any]:
        # Without stop_gradient an eager tape would differentiate the compiled functions too, to no use.
        arguments = tuple(map(tf.stop_gradient, arguments))
        (inputs_teb, *offsets), states = arguments[: len(sources)], arguments[len(sources) + 3 :]
        kernel_ez, recurrent_kernel_hz, bias = arguments[len(sources) : len(sources) + 3]
        kernel_ez, recurrent_kernel_hz = tf.cast(kernel_ez, operand), tf.cast(recurrent_kernel_hz, operand)
        matrices = cell.lay_out(kernel_ez, recurrent_kernel_hz)
        results = _forward(cell, inputs_teb, offsets, matrices, bias, states, training)
        outputs_thb, states, saved = tf.nest.map_structure(tf.stop_gradient, results)

        def backward(d_outputs_thb: Any, *d_states: Any) -> tuple[Any, ...]:
            assert training, "a gradient needs training=True"
            xs_tkb, slopes = saved
            d_zs_tzb, d_states = _backward(cell, slopes, recurrent_kernel_hz, d_outputs_thb, d_states)
            d_z_zn, (e, h) = _flatten_time(d_zs_tzb, operand), (kernel_ez.shape[0], recurrent_kernel_hz.shape[0])
            d_weights = cell.find_weight_gradients(_flatten_time(xs_tkb, operand), d_z_zn, e, dtype)
            (own, _), d_inputs_teb, d_offsets = cell.find_rows(h), None, []
            if need_input_gradient:
                d_inputs_en = tf.cast(_multiply_inputs(cell.order(kernel_ez, h), d_z_zn[own], dtype), operand)
                d_inputs_teb = tf.transpose(tf.reshape(d_inputs_en, [-1, *inputs_teb.shape[::2]]), [1, 0, 2])
            if offsets:
                d_offsets = [cell.order(_from_bits(d_zs_tzb[:, own], operand), h, axis=1, back=True)]
            return d_inputs_teb, *d_offsets, *d_weights, *d_states

        return (outputs_thb, *states), backward

    outputs_thb, *states = apply(*sources, *weights, *states)
    return outputs_thb, tuple(states)


def run_on_ids(
    cell: type[RecurrentCell],
    ids_bt: Any,
    embedding_ve: Any | None,
    weights: Weights,
    states: State,
    *,
    precision: str,
    training: bool,
) -> tuple[Any, State]:
    """Run a first layer whose inputs are rows of an embedding, or one-hot where that is None; like `run` otherwise.

    A one-hot times the small matrix embedding @ kernel is the same as the embedding times the kernel. It joins the
    product of each step and the one of the weight gradient, and saves the inputs' gradient: less work while v < 2 e.
    """
    kernel, *others = weights
    ids_tb = tf.transpose(ids_bt)
    (t, b), dtype = ids_tb.shape, kernel.dtype
    operand = tf.bfloat16 if precision == "bfloat16" else dtype
    options: dict[str, Any] = {"precision": precision, "training": training}
    if embedding_ve is not None and embedding_ve.shape[0] >= 2 * embedding_ve.shape[1]:
        inputs_teb = tf.transpose(tf.gather(embedding_ve, ids_tb), [0, 2, 1])
        return run(cell, inputs_teb, weights, states, **options)
    if embedding_ve is None and kernel.shape[0] > MAX_ONE_HOT:
        # Nothing is left to multiply but the hidden values: inputs of no features.
        offsets_tzb = tf.transpose(tf.gather(kernel, ids_tb), [0, 2, 1])
        nothing = (tf.zeros([0, kernel.shape[1]], dtype), *others)
        options |= {"need_input_gradient": False, "offsets_tzb": offsets_tzb}
        return run(cell, tf.zeros([t, 0, b], operand), nothing, states, **options)
    folded = kernel if embedding_ve is None else embedding_ve @ kernel
    inputs_tvb = tf.one_hot(ids_tb, folded.shape[0], axis=1, dtype=operand)
    return run(cell, inputs_tvb, (folded, *others), states, need_input_gradient=False, **options)


@compile_by_xla
def _forward(
    cell: Any, inputs_teb: Any, offsets: list[Any], matrices: list[Any], bias: Any, states: State, training: bool
) -> tuple[Any, ...]:
    """Return outputs_thb, the last states, and what the gradient needs: xs_tkb and slopes_thb, as bits."""
    operand, dtype, num_steps = matrices[0].dtype, states[0].dtype, inputs_teb.shape[0]
    bits_teb, offset_bits = _to_bits(inputs_teb), [_to_bits(offsets_tzb) for offsets_tzb in offsets]

    def step(t: Any, states: State, outputs: Any, xs: Any, slopes: Any) -> tuple[Any, ...]:
        x_kb = tf.concat([_from_bits(bits_teb[t], operand), tf.cast(states[0], operand)], 0)
        products = cell.multiply(matrices, x_kb, dtype)
        for bits_tzb in offset_bits:
            products[0] += tf.cast(_from_bits(bits_tzb[t], operand), dtype)
        states, values = cell.step(products, bias, states)
        outputs = outputs.write(t, _to_bits(tf.cast(states[0], operand)))
        if training:
            pairs = zip(slopes, values, strict=True)
            slopes = [stack.write(t, _to_bits(tf.cast(value, operand))) for stack, value in pairs]
            xs = xs.write(t, _to_bits(x_kb))
        return t + 1, states, outputs, xs, slopes

    def new_stack() -> Any:
        return tf.TensorArray(_to_bits(tf.zeros([], operand)).dtype, num_steps)

    stacks = (new_stack(), [new_stack() for _ in range(cell.num_slopes)]) if training else (0, 0)
    start = (0, tuple(states), new_stack(), *stacks)
    _, states, outputs, xs, slopes = tf.while_loop(lambda t, *_: t < num_steps, step, start)
    saved = (xs.stack(), [stack.stack() for stack in slopes]) if training else ()
    return _from_bits(outputs.stack(), operand), states, saved


@compile_by_xla
def _backward(
    cell: Any, slopes: list[Any], recurrent_kernel_hz: Any, d_outputs_thb: Any, d_states: State
) -> tuple[Any, ...]:
    """Go from the last step to the first; return d_zs_tzb as bits and the gradients of the initial states."""
    operand, dtype, num_steps = recurrent_kernel_hz.dtype, d_states[0].dtype, d_outputs_thb.shape[0]
    recurrent = cell.find_rows(recurrent_kernel_hz.shape[0])[1]
    bits_thb = _to_bits(d_outputs_thb)

    def step(t: Any, d_states: State, d_zs: Any) -> tuple[Any, ...]:
        values = [tf.cast(_from_bits(stack[t], operand), dtype) for stack in slopes]
        d_h_hb = d_states[0] + tf.cast(_from_bits(bits_thb[t], operand), dtype)
        d_gates, (d_direct_hb, *others) = cell.step_back(values, (d_h_hb, *d_states[1:]))
        d_z_zb = tf.concat([tf.cast(d, operand) for d in d_gates], 0)
        d_h_hb = multiply(recurrent_kernel_hz, d_z_zb[recurrent], dtype)
        if d_direct_hb is not None:
            d_h_hb += d_direct_hb
        return t - 1, (d_h_hb, *others), d_zs.write(t, _to_bits(d_z_zb))

    start = (num_steps - 1, tuple(d_states), tf.TensorArray(slopes[0].dtype, num_steps))
    _, d_states, d_zs = tf.while_loop(lambda t, *_: t >= 0, step, start)
    return d_zs.stack(), d_states


@compile_by_xla
def _multiply_inputs(kernel_ez: Any, d_z_zn: Any, dtype: Any) -> Any:
    return multiply(kernel_ez, d_z_zn, dtype)


def _flatten_time(stack_tab: Any, operand: Any) -> Any:
    """Bits [t, a, b] to numbers [a, t * b]; not compiled, or XLA would fold the transpose into the next product."""
    return _from_bits(tf.reshape(tf.transpose(stack_tab, [1, 0, 2]), [stack_tab.shape[1], -1]), operand)


def _to_bits(array: Any) -> Any:
    return tf.bitcast(array, tf.int16) if array.dtype == tf.bfloat16 else array


def _from_bits(array: Any, dtype: Any) -> Any:
    return tf.bitcast(array, dtype) if dtype == tf.bfloat16 else array
