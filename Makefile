# Nothing but python3 and make is needed. `make run` on a fresh clone installs and trains a first model.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.PHONY: install run ui test test-slow check format clean

install: $(VENV)/installed

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

run: install
	$(BIN)/python -m charrnn_exp $(ARGS)

ui: install
	$(BIN)/python -m charrnn_exp ui $(ARGS)

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

test: check
	$(BIN)/python -m pytest $(ARGS)

test-slow: install
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev,browser]"
	$(BIN)/python -m pytest -m slow $(ARGS)

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) dist outputs mlruns
