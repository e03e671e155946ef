"""The training loop, the update, the optimizer and the training state."""
