# Every target sets up what it needs: python3 and make are enough.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK := constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test test-ultralytics check docs bench clean

help:
	@echo "make demo              run the main job on embedded data: runs/quickstart/report.html"
	@echo "make test              everything that CI runs first: check, then the tests"
	@echo "make test-ultralytics  what CI runs next: the tests that need Ultralytics"
	@echo "make check             format, lint, types, floors, docs"
	@echo "make docs              the documentation: build/site/index.html"
	@echo "make bench             what every block costs: docs/performance.md, 20 minutes"
	@echo "make clean             remove the environment and caches, keep runs"

demo: $(VENV)/.demo
	$(BIN)/foveate compare

test: check
	$(BIN)/pytest -n auto

test-ultralytics: $(VENV)/.ultralytics
	$(BIN)/pytest -n auto -m ultralytics tests/ultralytics

check: $(VENV)/.test docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

docs: $(VENV)/.test
	$(BIN)/python docs/build.py

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks

# The two stamps are independent: a demo needs no test tools.
$(VENV)/.demo: pyproject.toml $(LOCK) | $(BIN)/pip
	$(BIN)/pip install --quiet --constraint $(LOCK) --editable '.[compare]'
	touch $@

$(VENV)/.test: pyproject.toml $(LOCK) | $(BIN)/pip
	$(BIN)/pip install --quiet --constraint $(LOCK) --editable '.[compare,dev]'
	touch $@

# Without its own dependencies: the tests need neither the vendor's services nor GPUs,
# and opencv-python would overwrite its headless twin.
$(VENV)/.ultralytics: $(VENV)/.test
	$(BIN)/pip install --quiet --constraint $(LOCK) --no-deps ultralytics ultralytics-thop
	$(BIN)/pip install --quiet --constraint $(LOCK) \
		cloudpickle matplotlib opencv-python-headless polars psutil requests
	touch $@

# What blocks are compared with, beside timm. Its other dependencies serve its networks.
$(VENV)/.bench: $(VENV)/.test
	$(BIN)/pip install --quiet --constraint $(LOCK) --no-deps fightingcv_attention==1.0.0
	touch $@

$(BIN)/pip:
	$(PYTHON) -m venv $(VENV)

clean:
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis
