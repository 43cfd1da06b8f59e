# Every target sets up what it needs: python3 and make are enough.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK := constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test check docs clean

help:
	@echo "make demo   run the main job on embedded data: runs/quickstart/report.html"
	@echo "make test   everything that CI runs: check, then the tests"
	@echo "make check  format, lint, types, floors, docs"
	@echo "make docs   the documentation: build/site/index.html"
	@echo "make clean  remove the environment and caches, keep runs"

demo: $(VENV)/.demo
	$(BIN)/foveate compare

test: check
	$(BIN)/pytest -n auto

check: $(VENV)/.test docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

docs: $(VENV)/.test
	$(BIN)/python docs/build.py

# The two stamps are independent: a demo needs no test tools.
$(VENV)/.demo: pyproject.toml $(LOCK) | $(BIN)/pip
	$(BIN)/pip install --quiet --constraint $(LOCK) --editable '.[compare]'
	touch $@

$(VENV)/.test: pyproject.toml $(LOCK) | $(BIN)/pip
	$(BIN)/pip install --quiet --constraint $(LOCK) --editable '.[compare,dev]'
	touch $@

$(BIN)/pip:
	$(PYTHON) -m venv $(VENV)

clean:
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis
