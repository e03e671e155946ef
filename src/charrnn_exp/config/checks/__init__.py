"""Checks of settings: each yields its problems as lines."""
