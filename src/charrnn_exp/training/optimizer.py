"""The rule that turns gradients into steps, and its rate at each step."""

import math

import keras

from charrnn_exp.config.options import OptimizerName, Schedule
from charrnn_exp.config.schema import OptimizerConfig
from charrnn_exp.model.network import Network


def build_optimizer(optimizer: OptimizerConfig, network: Network) -> keras.optimizers.Optimizer:
    """Return the Keras optimizer with its slots built; the loop sets its rate before each step.

    Weight decay spares the biases. Sources: Kingma and Ba 2015; Loshchilov and Hutter 2019.
    """
    match optimizer.name:
        case OptimizerName.adam:
            built = keras.optimizers.Adam(optimizer.learning_rate)
        case OptimizerName.adamw:
            built = keras.optimizers.AdamW(optimizer.learning_rate, weight_decay=optimizer.weight_decay)
            built.exclude_from_weight_decay(var_names=["bias"])
        case _:
            raise AssertionError(optimizer.name)
    built.build(network.trainable_variables)
    return built


def find_learning_rate(optimizer: OptimizerConfig, *, step: int, num_steps: int) -> float:
    """Return the rate of the update that follows `step` updates, of `num_steps` in all.

    The warmup reaches the peak at its last step; the cosine falls from the peak to zero after the last step.
    Source: Loshchilov and Hutter 2017, SGDR, equation 5, without restarts.
    """
    if step < optimizer.warmup_steps:
        return optimizer.learning_rate * (step + 1) / optimizer.warmup_steps
    match optimizer.schedule:
        case Schedule.constant:
            return optimizer.learning_rate
        case Schedule.cosine:
            share = (step - optimizer.warmup_steps) / max(1, num_steps - optimizer.warmup_steps)
            return optimizer.learning_rate * 0.5 * (1.0 + math.cos(math.pi * min(1.0, share)))
        case _:
            raise AssertionError(optimizer.schedule)
