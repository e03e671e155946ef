"""What a recurrent cell is: the maths of one step forward and one step back, and how its weights are multiplied.

Axes: b batch, t time, e input features, h hidden, k = e + h, n = t * b, z the gates: rows of a product.
"""

from typing import Any

import tensorflow as tf

State = tuple[Any, ...]
"""The arrays of a layer's state, see `RecurrentCell.state_names`, hidden first. [b, h] outside, [h, b] inside."""
Weights = tuple[Any, Any, Any]
"""kernel, recurrent_kernel, bias."""

TINY = 32
"""Products of so few numbers are made in float32: XLA does not compile a bfloat16 one of 2 x 4 or 4 x 2 in a loop."""

compile_by_xla = tf.function(jit_compile=True, autograph=False)


class RecurrentCell:
    """The maths of a cell; never instantiated."""

    state_names: tuple[str, ...]
    """What the arrays of a state are called in checkpoints."""
    num_gates: int
    """Columns of the kernels for each unit."""
    num_slopes: int
    """Arrays that `step` leaves for `step_back`."""
    bias_rows: tuple[int, ...] = ()
    """Leading axes of the bias, before its num_gates * h."""
    keras_layer: Any = None
    """Keras' layer of the same weights and maths, for a GPU; None: there is none."""
    is_joined = True
    """One product of the joined kernels with [inputs, hidden]; else one of each, see `multiply`."""

    @staticmethod
    def start_bias(bias: Any, h: int) -> None:
        """Give the bias, which is zero, its first values."""

    @staticmethod
    def step(products: list[Any], bias: Any, states: State) -> tuple[State, list[Any]]:
        """Return the states after a step and its slopes, [h, b] each; hidden values must lie in [-1, 1] (the sampler).

        Args:
            products: of `multiply`.
            bias: of the layer.
            states: before the step.
        """
        raise NotImplementedError

    @staticmethod
    def step_back(slopes: list[Any], d_states: State) -> tuple[list[Any], State]:
        """Return the gradients of the gates, to be stacked to d_z_zb, and those of the states before the step.

        Args:
            slopes: of `step`.
            d_states: gradients of the states after the step.

        Returns:
            What the hidden values before the step get beside the product with the recurrent kernel comes first; None:
            nothing.
        """
        raise NotImplementedError

    @staticmethod
    def find_rows(h: int) -> tuple[slice, slice]:
        """Return which rows of d_z_zb belong to the kernel and which to the recurrent kernel."""
        return slice(None), slice(None)

    @staticmethod
    def order(kernel: Any, h: int, *, axis: int = -1, back: bool = False) -> Any:
        """Return a kernel with its columns (its axis) in the order of its rows of d_z_zb, or the other way `back`."""
        return kernel

    @classmethod
    def lay_out(cls, kernel_ez: Any, recurrent_kernel_hz: Any) -> list[Any]:
        """Return the left operands of `multiply`."""
        if cls.is_joined:
            return [tf.transpose(tf.concat([kernel_ez, recurrent_kernel_hz], 0))]
        return [tf.transpose(kernel_ez), tf.transpose(recurrent_kernel_hz)]

    @classmethod
    def multiply(cls, matrices: list[Any], x_kb: Any, dtype: Any) -> list[Any]:
        """Return the product with the joined inputs and hidden values, or the products with either."""
        if cls.is_joined:
            return [multiply(matrices[0], x_kb, dtype)]
        e = matrices[0].shape[1]
        return [multiply(matrices[0], x_kb[:e], dtype), multiply(matrices[1], x_kb[e:], dtype)]

    @classmethod
    def find_weight_gradients(cls, x_kn: Any, d_z_zn: Any, e: int, dtype: Any) -> Weights:
        """Return the gradients of the weights from all inputs and hidden values, x_kn, of which e are inputs."""
        if cls.is_joined:
            d_weights_kz = _multiply_weight_gradients(x_kn, d_z_zn, dtype)
            return d_weights_kz[:e], d_weights_kz[e:-1], d_weights_kz[-1]
        h = x_kn.shape[0] - e
        own, recurrent = cls.find_rows(h)
        d_kernel_ez = cls.order(_multiply_weight_gradients(x_kn[:e], d_z_zn[own], dtype), h, back=True)
        d_recurrent_hz = _multiply_weight_gradients(x_kn[e:], d_z_zn[recurrent], dtype)
        return d_kernel_ez[:-1], d_recurrent_hz[:-1], tf.stack([d_kernel_ez[-1], d_recurrent_hz[-1]])


@compile_by_xla
def _multiply_weight_gradients(x_kn: Any, d_z_zn: Any, dtype: Any) -> Any:
    """Return the gradients of weights_kz and, as one more row, of the bias: one product over all steps."""
    x_kn = tf.concat([x_kn, tf.ones([1, x_kn.shape[1]], x_kn.dtype)], 0)
    return multiply(x_kn, d_z_zn, dtype, transpose_b=True)


def multiply(a: Any, b: Any, dtype: Any, transpose_b: bool = False) -> Any:
    """Return a @ b, summed in dtype; to be called in a function that XLA compiles."""
    if a.shape[0] * b.shape[0 if transpose_b else 1] <= TINY:
        a, b = tf.cast(a, dtype), tf.cast(b, dtype)
    return tf.matmul(a, b, output_type=None if a.dtype == dtype else dtype, transpose_b=transpose_b)
