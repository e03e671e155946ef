"""The npz format: arrays by name, which NumPy alone reads."""

from pathlib import Path

from charrnn_exp.exporting.parts import Parts
from charrnn_exp.run_folder.arrays import to_npz

FILE = "model.npz"
LAYOUT = """\
model.npz has float32 arrays: v symbols, e input features, h units, z gates' columns.
  input.vectors [v, e]                  the input of each symbol; not there: inputs are one-hot, e = v
  layer.N.kernel [e, z]                 of the layer N = 1, 2 ...; e = h above the first
  layer.N.recurrent_kernel [h, z]
  layer.N.bias [z], of a gru [2, z]     of a gru: for the inputs' product, for the hidden values' product
  layer.N.norm.gain, .bias [h]          where model.json has a layer_norm_epsilon
  output.kernel [h, v], output.bias [v]
  state_N_hidden, state_N_cell [h]      states at the start of a text
Columns are in the order of Keras: i, f, g, o of an lstm; z, r, c of a gru, whose reset gate comes after the product.
Above the first layer the inputs are added to the outputs, after the norm, where model.json says residual.
"""


def write_arrays(parts: Parts, folder: Path) -> None:
    """Write the arrays into a folder."""
    (folder / FILE).write_bytes(to_npz(parts.list_arrays() | parts.list_states()))
