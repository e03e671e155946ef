"""A search of settings with Optuna: `-m hydra/sweeper=optuna`."""
