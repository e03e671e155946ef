"""All filters: our own, and those that installed packages offer as entry points of `charrnn_exp.filters`."""

from charrnn_exp.options import Registry
from charrnn_exp.sampling.filters.filter import Filter

FILTERS = Registry("charrnn_exp.sampling.filters", "FILTER", Filter, "charrnn_exp.filters")
