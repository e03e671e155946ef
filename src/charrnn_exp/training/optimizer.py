"""The optimizer of a run."""

import keras

from charrnn_exp.config.choices import OptimizerName
from charrnn_exp.config.schema import OptimizerConfig
from charrnn_exp.model.network import Network


def build_optimizer(optimizer: OptimizerConfig, network: Network) -> keras.optimizers.Optimizer:
    """Return the Keras optimizer with its slots built; the loop sets its learning rate before each step.

    Weight decay is decoupled from the gradient in all of them: before the step each weight shrinks by the factor
    1 - rate * decay, unless its name contains a word of weight_decay_exclude.

    Sources: Kingma and Ba 2015; Loshchilov and Hutter 2019; Hinton 2012, lecture 6e (RMSprop); Sutskever et al. 2013,
    equations 1 and 2 (classical momentum).
    """
    rate, decay = optimizer.learning_rate, optimizer.weight_decay
    match optimizer.name:
        case OptimizerName.adam:
            built = keras.optimizers.Adam(rate)
        case OptimizerName.adamw:
            built = keras.optimizers.AdamW(rate, weight_decay=decay)
        case OptimizerName.rmsprop:
            built = keras.optimizers.RMSprop(rate, rho=optimizer.rho, weight_decay=decay)
        case OptimizerName.sgd:
            built = keras.optimizers.SGD(rate, momentum=optimizer.momentum, weight_decay=decay)
        case _:
            raise AssertionError(optimizer.name)
    words = optimizer.weight_decay_exclude
    spared = [v for v in network.trainable_variables if any(word in v.path for word in words)]
    built.exclude_from_weight_decay(var_list=spared)  # Keras' var_names are patterns, and see the last name only
    built.build(network.trainable_variables)
    return built
