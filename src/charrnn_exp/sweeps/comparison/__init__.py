"""The comparison of runs: which are ranked together, their means over seeds, what their differences are worth."""
