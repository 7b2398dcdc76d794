.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
SIZE ?= demo-lite
SEED ?= 20260630
VENDORS := $(BIN)/python -m simulator run --size $(SIZE) --seed $(SEED)

.PHONY: help setup run dev dashboards superset docs screenshot test soak lint bench lock

help:  ## Show what make can do
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: .venv/.ready .env  ## Install everything into .venv (the other commands do it when needed)

.venv/.ready: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock
	@# The productops command, pointing into this checkout.
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

.env: .env.example
	@# It will hold keys: nobody else reads it.
	@test -f $@ && touch $@ || (umask 077; sed 's|@HERE@|$(CURDIR)|' .env.example > $@)

run: setup  ## Load the demo company, build, check and publish data/serving/current/productops.duckdb
	@$(VENDORS) -- $(BIN)/python -m orchestration nightly

dev: setup  ## Open Dagster on http://localhost:3000 with the demo company's vendors
	@$(VENDORS) -- $(BIN)/python -m orchestration dev

dashboards: setup  ## Show the pages of what is published on http://localhost:8080
	@$(BIN)/python -m dashboards

superset: setup .venv-superset/.ready  ## Open Apache Superset on what is published on http://localhost:8088
	@.venv-superset/bin/python bi/superset/serve.py

.venv-superset/.ready: bi/superset/requirements.lock
	@test -x .venv-superset/bin/python || $(PYTHON) -m venv .venv-superset
	$(BIN)/uv pip sync --quiet --python .venv-superset/bin/python --require-hashes bi/superset/requirements.lock
	@touch $@

docs: setup  ## Write the docs of every model and an index of all that is written down
	@$(BIN)/python -m orchestration docs

screenshot:  ## Take the README's picture of what is published (needs Chromium)
	chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --virtual-time-budget=5000 \
		--window-size=1280,1130 --screenshot=docs/product.png \
		"file://$(CURDIR)/data/serving/current/site/product.html"

test: setup  ## Run the tests
	$(BIN)/python -m pytest -m "not long" --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

soak: setup  ## Kill two hundred nights while readers poll, then run the long tests (hours)
	$(BIN)/python -m tests.soak
	$(BIN)/python -m pytest -m long --ignore tests/soak --hypothesis-profile thorough

lint: setup  ## Check style, types and SQL format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/sqlfmt --check --quiet dbt_project

bench: setup  ## Measure what the README claims, as ratios within one run
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --group bench
	$(BIN)/python -m benchmarks

lock: setup  ## Pin the dependencies of pyproject.toml anew
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
		--group dev pyproject.toml --output-file requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
		--python-version 3.11 bi/superset/requirements.in --output-file bi/superset/requirements.lock
