"""Settings: their meaning, their checks, and their composition."""
