# Every target sets up what it needs: python3 and make are enough.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK := constraints.txt

# A venv of its own: together with all else it takes gigabytes, and longer to import.
TENSORFLOW := .venv-tensorflow

# A process has one backend of Keras, so these run once for each.
TWINS := tests/keras src/foveate/keras docs/keras.md

.DEFAULT_GOAL := help
.PHONY: help demo test test-ultralytics test-tensorflow check docs bench clean

help:
	@echo "make demo              run the main job on embedded data: runs/quickstart/report.html"
	@echo "make test              everything that CI runs first: check, then the tests"
	@echo "make test-ultralytics  what CI runs next: the tests that need Ultralytics"
	@echo "make test-tensorflow   and then: the Keras layers on TensorFlow"
	@echo "make check             format, lint, types, floors, docs"
	@echo "make docs              the documentation: build/site/index.html"
	@echo "make bench             what every block costs: docs/performance.md, 20 minutes"
	@echo "make clean             remove the environment and caches, keep runs"

demo: $(VENV)/.demo
	$(BIN)/foveate compare

test: check
	env -u KERAS_BACKEND $(BIN)/pytest -n auto
	KERAS_BACKEND=torch $(BIN)/pytest -n auto $(TWINS)
	KERAS_BACKEND=jax $(BIN)/pytest -n auto $(TWINS)

test-ultralytics: $(VENV)/.ultralytics
	$(BIN)/pytest -n auto -m ultralytics tests/ultralytics

test-tensorflow: $(TENSORFLOW)/.test
	KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=2 \
		$(TENSORFLOW)/bin/pytest -n auto $(TWINS)

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

$(TENSORFLOW)/.test: pyproject.toml $(LOCK) | $(TENSORFLOW)/bin/pip
	$(TENSORFLOW)/bin/pip install --quiet --constraint $(LOCK) --editable '.[compare,keras]' \
		tensorflow-cpu pytest pytest-timeout pytest-xdist
	touch $@

%/bin/pip:
	$(PYTHON) -m venv $*

clean:
	rm -rf $(VENV) $(TENSORFLOW) build .mypy_cache .ruff_cache .pytest_cache .hypothesis
