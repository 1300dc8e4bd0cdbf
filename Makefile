# Every target works from a fresh clone: what it needs is set up first.

SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= $(firstword $(foreach name,python3.13 python3.12 python3.11 python3,$(shell \
	$(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(name))))
VENV ?= .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.strongroom-setup

PYTEST := $(PY) -m pytest
FAST_TESTS := $(wildcard tests/domain tests/contracts)

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## Create .venv and install everything that requirements.lock names

$(STAMP): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "strongroom: no Python 3.11 or newer was found; name one: make PYTHON=/path/to/python3"; exit 2; }
	@test -x $(PY) || "$(PYTHON)" -m venv $(VENV)
	@echo "installing into $(VENV)"
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

run: $(STAMP) ## Start everything; SERVICES_ONLY=1 uses your servers, SERVERS_ONLY=1 starts no service
	@exec $(PY) -m deploy.local run \
		$(if $(SERVICES_ONLY),--services-only) $(if $(SERVERS_ONLY),--servers-only)

demo: $(STAMP) ## Show what it does with a real directory tree; DEMO_DIR=/some/tree
	@exec $(PY) -m libs.client.demo $(DEMO_DIR)

test: $(STAMP) ## Run every test against real servers; ARGS="-k word" selects
	@exec $(PYTEST) -n 4 --dist loadfile $(ARGS)

test-fast: $(STAMP) ## Run the tests that need no server
	@exec $(PYTEST) -q $(FAST_TESTS) $(ARGS)

lint: $(STAMP) ## Check format, style, types, imports and generated documents
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .
	@$(PY) -m mypy
	@$(VENV)/bin/lint-imports --no-cache
	@$(PY) -m docs.reference --check
	@git ls-files '*.py' | xargs wc -l | awk '$$1 > 300 && $$2 != "total" {print "warning: " $$2 " has " $$1 " lines, more than a page can hold"}'

docs: $(STAMP) ## Write the generated documents anew
	@$(PY) -m docs.reference
	@$(PY) -m tests.contracts.samples

lock: $(STAMP) ## Resolve requirements.lock anew: every version with its hash, no server address
	@$(PY) -m pip install --quiet --disable-pip-version-check uv
	@$(PY) -m uv pip compile --quiet pyproject.toml --extra dev --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-package strongroom \
		--no-header --no-annotate -o requirements.lock

bench: $(STAMP) ## Measure, print a table, write it to bench/results/
	@exec $(PY) -m bench $(ARGS)

PEERS := .venv-peers

bench-peers: $(STAMP) ## Measure beside copyparty and MLflow, which get an environment of their own
	@test -x $(PEERS)/bin/python || "$(PYTHON)" -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check -r bench/peers/requirements.txt
	@STRONGROOM_PEERS_DIR=$(PEERS) exec $(PY) -m bench.peers $(ARGS)

clean: ## Remove caches and .venv; data in .strongroom stays (see `strongroom local reset`)
	@rm -rf $(VENV) $(PEERS) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -not -path './.strongroom/*' -prune -exec rm -rf {} +

.PHONY: help setup run demo test test-fast lint docs lock bench bench-peers clean
