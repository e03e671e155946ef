"""Products of a cell's matrices with its inputs and hidden values, and the gradients of its matrices and bias.

Axes: b stream, n character (t * b), e input features, k matrix columns (e + h; e for a cell without a recurrent
kernel), h hidden units, z gates.
"""

from typing import Any

import tensorflow as tf

from charrnn_exp.model.cells.cell import Cell

TINY = 32
"""Products of at most 32 numbers use float32: XLA cannot compile a bfloat16 one of 2 x 4 or 4 x 2 in a loop."""

compile_by_xla = tf.function(jit_compile=True, autograph=False)


def multiply(a: Any, b: Any, dtype: Any, transpose_b: bool = False) -> Any:
    """Return a @ b, summed in dtype; for functions that XLA compiles."""
    if a.shape[0] * b.shape[0 if transpose_b else 1] <= TINY:
        a, b = tf.cast(a, dtype), tf.cast(b, dtype)
    return tf.matmul(a, b, output_type=None if a.dtype == dtype else dtype, transpose_b=transpose_b)


def lay_out(cell: Cell, kernel_ez: Any, recurrent_kernel_hz: Any | None) -> list[Any]:
    """Return the left operands of `multiply_step`."""
    if recurrent_kernel_hz is None:
        return [tf.transpose(kernel_ez)]
    if cell.joins_products:
        return [tf.transpose(tf.concat([kernel_ez, recurrent_kernel_hz], 0))]
    return [tf.transpose(kernel_ez), tf.transpose(recurrent_kernel_hz)]


def multiply_step(cell: Cell, matrices: list[Any], x_kb: Any, dtype: Any) -> list[Any]:
    """Return one product with the joined inputs and hidden values, or one with each."""
    if cell.joins_products:
        return [multiply(matrices[0], x_kb, dtype)]
    e = matrices[0].shape[1]
    return [multiply(matrices[0], x_kb[:e], dtype), multiply(matrices[1], x_kb[e:], dtype)]


def find_rows(gates: tuple[int, int] | None, h: int) -> slice:
    """Return the rows of d_z_zb that belong to gates from first to last (exclusive); None: all rows."""
    return slice(None) if gates is None else slice(gates[0] * h, gates[1] * h)


def order(cell: Cell, kernel: Any, h: int, *, axis: int = -1, back: bool = False) -> Any:
    """Return a kernel with its gates along the axis in the order of d_z_zb; `back`: from that order."""
    return tf.roll(kernel, (-cell.turn if back else cell.turn) * h, axis=axis) if cell.turn else kernel


def find_weight_gradients(cell: Cell, x_kn: Any, d_z_zn: Any, e: int, dtype: Any) -> dict[str, Any]:
    """Return the gradients of matrices and bias by name; the first e rows of x_kn are inputs."""
    h = x_kn.shape[0] - e
    if cell.joins_products:
        d_weights_kz = _multiply_weight_gradients(x_kn, d_z_zn, dtype)
        found = [d_weights_kz[:e], d_weights_kz[e:-1], d_weights_kz[-1]]
    else:
        of_inputs, of_hidden = find_rows(cell.gates_of_inputs, h), find_rows(cell.gates_of_hidden, h)
        d_kernel_ez = order(cell, _multiply_weight_gradients(x_kn[:e], d_z_zn[of_inputs], dtype), h, back=True)
        d_recurrent_hz = _multiply_weight_gradients(x_kn[e:], d_z_zn[of_hidden], dtype)
        found = [d_kernel_ez[:-1], d_recurrent_hz[:-1], tf.stack([d_kernel_ez[-1], d_recurrent_hz[-1]])]
    names = (cell.kernel, cell.recurrent_kernel, cell.bias)
    return {name: gradient for name, gradient in zip(names, found, strict=True) if name is not None}


@compile_by_xla
def _multiply_weight_gradients(x_kn: Any, d_z_zn: Any, dtype: Any) -> Any:
    """Return the gradients of weights_kz, with that of the bias as last row: one product over all steps."""
    x_kn = tf.concat([x_kn, tf.ones([1, x_kn.shape[1]], x_kn.dtype)], 0)
    return multiply(x_kn, d_z_zn, dtype, transpose_b=True)
