"""Gradients written by hand that keep no graph alive."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import tensorflow as tf


def custom_gradient(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `tf.custom_gradient(function)`, whose gradient only a tape finds."""
    decorated = tf.custom_gradient(function)

    @functools.wraps(function)
    def call(*arguments: Any) -> Any:
        with forgetting_gradients():
            return decorated(*arguments)

    return call


@contextmanager
def forgetting_gradients() -> Iterator[None]:
    """Forget the names under which custom gradients are registered meanwhile.

    In a graph TensorFlow gives each call of a function with a custom gradient a name of its own, for `tf.gradients`, as
    long as the process lives. The entry holds the graph, and that the variables: 70 MB a run of 1024 units. A tape does
    not need it.
    """
    before = set(_registered())
    try:
        yield
    finally:
        for name in set(_registered()) - before:
            if name.startswith("CustomGradient-"):
                del _registered()[name]


def _registered() -> dict[str, Any]:
    """Return TensorFlow's gradients by name, which it has no public way to forget; nothing where it has moved them."""
    from tensorflow.python.framework import ops

    return getattr(getattr(ops, "gradient_registry", None), "_registry", {})
