"""Text to batches: sources, vocabulary, splits, order."""
