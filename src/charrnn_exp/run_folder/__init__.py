"""A run on disk: folder, lock, checkpoints, metrics, samples, summary."""
