"""The values that a search may choose from, in Optuna's terms."""

from collections.abc import Mapping, Sequence

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from charrnn_exp.config.space import Choice, Parameter


def list_distributions(space: Sequence[Parameter]) -> Mapping[str, BaseDistribution]:
    """Return the settings to choose in Optuna's terms; a value of a list is its word."""
    return {each.key: _distribute(each) for each in space}


def _distribute(parameter: Parameter) -> BaseDistribution:
    if isinstance(parameter, Choice):
        return CategoricalDistribution(list(parameter.values))
    low, high, step, is_log = parameter.low, parameter.high, parameter.step, parameter.is_log
    if parameter.is_whole:
        return IntDistribution(low, high, log=is_log, step=step or 1)
    return FloatDistribution(low, high, log=is_log, step=step)
