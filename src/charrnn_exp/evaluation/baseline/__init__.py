"""The n-gram baseline: the loss that every model must beat."""
