"""Listeners to a run, one concern a file: each is told every event and does one thing with it."""
