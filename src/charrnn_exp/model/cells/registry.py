"""All recurrent cells: a file in this folder each, and the ones that installed packages offer."""

from charrnn_exp.model.cells.cell import Cell
from charrnn_exp.options import Registry

CELLS = Registry("charrnn_exp.model.cells", "CELL", Cell, "charrnn_exp.cells")
