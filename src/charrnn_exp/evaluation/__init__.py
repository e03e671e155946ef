"""How well a model predicts a text, and what the simplest models reach on it."""
