"""The registry of filters: built-in ones, and entry points `charrnn_exp.filters` of installed packages."""

from charrnn_exp.options import Registry
from charrnn_exp.sampling.filters.filter import Filter

FILTERS = Registry("charrnn_exp.sampling.filters", "FILTER", Filter, "charrnn_exp.filters")
