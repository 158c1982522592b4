# Every target does all of its set-up on a fresh machine with python3, its venv module and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.dazoo-installed
PLUGINS := backbones gans methods signs digits executors loggers
PROJECTS := pyproject.toml $(PLUGINS:%=plugins/%/pyproject.toml)
WANTED := --group dev -e . $(PLUGINS:%=-e plugins/%)

.DEFAULT_GOAL := help
.PHONY: help venv demo test test-all lint fix wheels clean

help:
	@echo "make demo      what dazoo does, in a few minutes on two cores"
	@echo "make test      the fast tests"
	@echo "make test-all  all tests, slow ones too"
	@echo "make lint      ruff (rules and format) and mypy (types)"
	@echo "make fix       mend what ruff can mend by itself"
	@echo "make wheels    wheels of the core and of every plugin distribution into dist/"
	@echo "make venv      only the environment in $(VENV)"

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# uv installs in a tenth of pip's time, and pip brings it. Where only pip has been told of a mirror, pip does the installation itself;
# pip knows dependency groups from version 25.1 on.
# UV_TORCH_BACKEND=cpu make venv  leaves the CUDA libraries (some GB) out.
$(STAMP): $(PROJECTS) constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet "uv>=0.7"
	$(BIN)/python -m uv pip install --python $(BIN)/python --constraints constraints.txt $(WANTED) \
	  || { $(BIN)/python -m pip install --quiet --upgrade "pip>=25.1" && $(BIN)/python -m pip install --constraint constraints.txt $(WANTED); }
	@touch $@

venv: $(STAMP)

demo: $(STAMP)
	$(BIN)/python benchmarks/demo.py

# Two processes of one thread each: much of the time is waiting for programs that the tests start, and threads would compete.
test: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist loadfile

test-all: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist loadfile -m "slow or not slow"

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fix: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

wheels: $(STAMP)
	rm -rf dist
	for project in . $(PLUGINS:%=plugins/%); do $(BIN)/python -m build --wheel --no-isolation --outdir dist $$project || exit 1; done

clean:
	rm -rf dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
