"""Pages that stand in one file: no network, no fonts, no library."""
