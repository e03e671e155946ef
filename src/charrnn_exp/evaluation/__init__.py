"""Scores of a model on a text, and the n-gram baseline of that text."""
