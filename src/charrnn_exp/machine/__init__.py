"""The machine: its cores, number formats and arithmetic, and the start of TensorFlow."""
