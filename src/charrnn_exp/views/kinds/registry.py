"""All kinds of views."""

from charrnn_exp.options import Registry
from charrnn_exp.views.kinds.kind import Kind

KINDS = Registry("charrnn_exp.views.kinds", "KIND", Kind)


def list_kinds() -> list[Kind]:
    """Return the kinds in order."""
    return sorted(KINDS.built_in.values(), key=lambda kind: kind.order)
