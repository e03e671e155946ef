# Nothing but python3 and make is needed. `make run` on a fresh clone installs and trains a first model.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.PHONY: install run ui test test-slow stress bench check format clean

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

# Kills, faults, outages, fuzz: two hours and more. Goes on where it was stopped; writes docs/stress.md and docs/stress.json.
stress: install
	$(BIN)/python -m stress $(ARGS)

# Side by side with PyTorch and Keras; about half an hour, alone on the machine. Writes docs/bench.md and docs/bench.json.
bench: install
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python benchmarks/speed.py $(ARGS)

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) dist outputs mlruns
