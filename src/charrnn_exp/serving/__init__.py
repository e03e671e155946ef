"""A model that is handed on: a page with a JSON API, and a model of MLflow."""
