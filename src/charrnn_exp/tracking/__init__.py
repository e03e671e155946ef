"""MLflow: the store, the run in it, and the thread that sends metrics to it."""
