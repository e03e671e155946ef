"""The listeners of a run, one concern a file: each receives every event."""
