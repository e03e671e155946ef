"""Several runs that one command starts."""
