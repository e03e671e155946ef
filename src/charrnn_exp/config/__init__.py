"""Settings: what they mean, what is wrong with them, and how they are composed."""
