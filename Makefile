# python3 (3.11 to 3.13) and make are needed, nothing else. `make run` in a fresh clone installs and trains a first model.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --constraint constraints.txt
SLOW := --timeout 1200 --durations 15
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help install run ui check format test test-slow stress bench recipes settings docs clean

help: ## list these targets
	@echo 'make TARGET [ARGS="..."]'
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r target meaning; do \
	  printf '  %-10s %s\n' "$$target" "$$meaning"; done

install: $(VENV)/installed ## make .venv with the project and its tools: 1 GB to download, 3.5 GB on disk

$(VENV)/installed: pyproject.toml constraints.txt
	@echo "Installing charrnn_exp and its tools into $(VENV): about 1 GB to download (TensorFlow is 0.57), 3.5 GB on disk."
	@echo "Nothing outside this folder is changed, but for pip's cache of downloads. 'make clean' removes it again."
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable ".[dev]"
	@touch $@

run: install ## train a model, here `make run ARGS="dataset=shakespeare"`; a first one of Python code without ARGS
	$(BIN)/python -m charrnn_exp $(ARGS)

ui: install ## compare the runs in the MLflow UI
	$(BIN)/python -m charrnn_exp ui $(ARGS)

check: install ## format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: install ## let ruff format the code and mend what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: check ## check, then all fast tests; no network needed
	$(BIN)/python -m pytest --numprocesses 3 --dist loadfile --durations 15 $(ARGS)

test-slow: install ## a browser on the MLflow UI, the wheel in a clean environment, kills, outages
	$(PIP) --quiet --editable ".[dev,browser]"
	$(BIN)/python -m pytest -m "slow and not alone" --numprocesses 2 --dist loadfile --no-loadscope-reorder $(SLOW) $(ARGS) || [ $$? = 5 ]
	$(BIN)/python -m pytest -m "slow and alone" $(SLOW) $(ARGS) || [ $$? = 5 ]  # 5: ARGS has none of this kind

stress: install ## faults of every kind, counted: about four hours; goes on where it was stopped; writes docs/stress.*
	$(BIN)/python -m stress $(ARGS)

bench: install ## side by side with PyTorch and Keras: at least half an hour, alone on the machine; writes docs/bench.*
	$(BIN)/python -m pip install torch==2.13.0
	$(BIN)/python benchmarks/speed.py $(ARGS)

recipes: install ## a recipe with three seeds, `make recipes ARGS=names`: alone on the machine; writes docs/results
	$(BIN)/python benchmarks/recipes.py $(ARGS)

settings: install ## write docs/settings.md anew from config/schema.py and conf/
	$(BIN)/python -c "from charrnn_exp.config.describe import render_page; print(render_page(), end='')" > $(VENV)/settings.md
	mv $(VENV)/settings.md docs/settings.md

docs: install ## build the site in site/, links checked
	$(PIP) --quiet --editable ".[docs]"
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict $(ARGS)

clean: ## remove what install, docs and builds made; runs (outputs/, mlruns/) stay
	rm -rf $(VENV) dist site .pytest_cache .mypy_cache .ruff_cache
