"""What counting reaches on a text: the number that every model must beat."""
