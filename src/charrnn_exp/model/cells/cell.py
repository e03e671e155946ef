"""The declaration of a recurrent cell: facts, named weights, one step forward and one back.

A declaration imports neither TensorFlow nor Keras: settings, help and sizes do not wait for them.
Axes: b stream, e input features, h hidden units, z gates (rows of a product).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, NamedTuple

from charrnn_exp.options import Setting, read_settings

State = tuple[Any, ...]
"""The arrays of a layer's state, see `Cell.state_names`, hidden first. [b, h] outside, [h, b] inside a step."""
Values = Mapping[str, Any]
"""Arrays by the names of their weights."""
Reads = Literal["inputs", "hidden", "ones", "states"]
"""The factor of a weight: a matrix multiplies inputs or hidden values, a bias is added, others are used in `step`."""
Start = Literal["glorot_uniform", "orthogonal", "zeros"] | Callable[[tuple[int, ...], Any], Any]
"""First values: by the name of a rule, or as an array of a shape drawn with NumPy's generator."""

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
"""Names of cells and weights; the names of arrays in checkpoints contain them."""
TAKEN = {"embedding", "norm", "dropout", "initial_state", "output"}
"""Names of the other layers."""


@dataclass(frozen=True)
class Weight:
    """A weight of a cell.

    Args:
        name: in checkpoints.
        shape: from e and h.
        reads: "inputs": a matrix [e, z]; "hidden": a matrix [h, z]; "ones": the bias of the products, [z], or [2, z]
            where they stay apart (of the inputs, of the hidden values); "states": any other, used by `step` alone.
        start: its first values.
    """

    name: str
    shape: Callable[[int, int], tuple[int, ...]]
    reads: Reads
    start: Start = "zeros"


class Back(NamedTuple):
    """The gradients of one step.

    Attributes:
        d_gates: of the gates, [h, b] each, to be stacked to d_z_zb.
        d_states: of the previous states, [h, b] each. The first lacks the product with the recurrent kernel, which is
            added later; None: zero.
        d_weights: of the weights that read states, with b as last axis.
    """

    d_gates: list[Any]
    d_states: State
    d_weights: Values = {}


@dataclass(frozen=True, eq=False, kw_only=True)
class Cell:
    """A recurrent cell.

    Args:
        name: the value of `model.cell`, and the name of its layers in checkpoints.
        meaning: one sentence with the source.
        state_names: of the arrays of a state in checkpoints, "hidden" first.
        weights: in the order of the parameters; one reads inputs, at most one hidden values, at most one is a bias.
        step: from products, weights that are no matrices, and states to the states after a step and the slopes,
            [h, b] each. Hidden values must lie in [-1, 1]: the sampler rounds them to steps of 1/800.
        step_back: from slopes, weights that read states, and gradients of the states after a step.
        num_slopes: arrays that `step` leaves for `step_back`: local derivatives, and states where weights read them.
        kept_copies: numbers kept for the gradient for each character, layer and unit: inputs, slopes, outputs, dropout.
        passing_copies: numbers for each character and unit of the layer at work, freed after it.
        has_large_features: whether hidden values start larger than those of an LSTM; the output then starts smaller.
        joins_products: one product of the joined matrices with [inputs, hidden]; else `step` gets one of each.
        gates_of_inputs: first and last (exclusive) of the gates in `d_gates` that the inputs' matrix makes; null: all.
        gates_of_hidden: the same of the hidden values' matrix.
        turn: the columns of the inputs' matrix, rolled by so many gates, are in the order of `d_gates`.
        keras_layer: imports and returns Keras' layer with the same weights and maths, for a GPU; None: Keras has none.
        gate_names: of the gates that `find_gates` returns, in its order.
        find_gates: from the arguments of `step` to the gates, [h, b] each in [0, 1], for views of what a network does;
            None: they are not shown.
        settings: of a cell that an installed package offers, below model.extra.NAME; `step` and `step_back` of a cell
            that has some get their values by name as the keyword argument `settings`.

    Raises:
        ValueError: if the facts contradict each other.
    """

    name: str
    meaning: str
    state_names: tuple[str, ...]
    weights: tuple[Weight, ...]
    step: Callable[..., tuple[State, list[Any]]]
    step_back: Callable[..., Back]
    num_slopes: int
    kept_copies: int
    passing_copies: int
    has_large_features: bool = True
    joins_products: bool = True
    gates_of_inputs: tuple[int, int] | None = None
    gates_of_hidden: tuple[int, int] | None = None
    turn: int = 0
    keras_layer: Callable[[], Any] | None = None
    gate_names: tuple[str, ...] = ()
    find_gates: Callable[..., list[Any]] | None = None
    settings: tuple[Setting, ...] = ()

    def __post_init__(self) -> None:
        """Check the facts."""
        if not NAME.fullmatch(self.name) or self.name in TAKEN:
            raise ValueError(f"the cell's name must match {NAME.pattern} and be no other layer's, got {self.name!r}")
        names = [weight.name for weight in self.weights]
        if not all(map(NAME.fullmatch, names)) or len(set(names)) < len(names):
            raise ValueError(f"the weights' names must match {NAME.pattern} and differ, got {', '.join(names)}")
        if self.state_names[:1] != ("hidden",):
            raise ValueError(f"the first state must be hidden, got {', '.join(self.state_names)}")
        for reads, least, most in (("inputs", 1, 1), ("hidden", 0 if self.joins_products else 1, 1), ("ones", 0, 1)):
            count = len(self._list_names(reads))
            if not least <= count <= most:
                raise ValueError(f"the weights that read {reads} must be {least} to {most}, got {count}")

    def with_settings(self, values: Mapping[str, Any]) -> "Cell":
        """Return the cell with the values of its settings, or their defaults, bound to its functions.

        Args:
            values: by name; they passed the checks.
        """
        if not self.settings:
            return self
        bound = read_settings(self.settings, values)
        return replace(
            self,
            step=partial(self.step, settings=bound),
            step_back=partial(self.step_back, settings=bound),
            find_gates=None if self.find_gates is None else partial(self.find_gates, settings=bound),
            settings=(),
        )

    @property
    def kernel(self) -> str:
        """Name of the matrix that multiplies the inputs."""
        return self._list_names("inputs")[0]

    @property
    def recurrent_kernel(self) -> str | None:
        """Name of the matrix that multiplies the hidden values; None: the cell has none."""
        return next(iter(self._list_names("hidden")), None)

    @property
    def bias(self) -> str | None:
        """Name of the products' bias; None: the cell has none."""
        return next(iter(self._list_names("ones")), None)

    @property
    def state_weights(self) -> list[str]:
        """Names of the weights that `step` alone uses."""
        return self._list_names("states")

    def count_weights(self, num_inputs: int, h: int) -> int:
        """Return the number of weights of a layer of h units."""
        count = 0
        for weight in self.weights:
            product = 1
            for size in weight.shape(num_inputs, h):
                product *= size
            count += product
        return count

    def _list_names(self, reads: str) -> list[str]:
        return [weight.name for weight in self.weights if weight.reads == reads]
