"""The explicit loop and everything that it moves."""
