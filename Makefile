# What to do with Marquee. `make help` lists it.
SHELL := /bin/bash
PYTHON ?= python3.11
PORT ?= 4000
SERVICE_PORT ?= 8082
METRICS_PORT ?= 9101
GRANIAN := 2.8.7
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help venv demo demo-clean test test-real test-stack check format lock bench-train bench-retrain bench-serve bench-ingest bench-experiment

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

venv: .venv/ready  ## make .venv and install what is pinned

.venv/ready: requirements.txt requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "$(PYTHON) is missing or older than 3.11; set PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || \
	    { echo "no venv module: apt-get install python3-venv, or set PYTHON to another Python 3.11" >&2; exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

demo: venv  ## the whole loop on this machine; DATA=folder takes MovieLens ratings, PORT=n another port
	@exec $(BIN)/python -m demo --port $(PORT) --service-port $(SERVICE_PORT) \
	    --metrics-port $(METRICS_PORT) $(if $(DATA),--movielens "$(DATA)")

demo-clean:  ## forget the demo's data
	rm -rf data/demo

test: venv  ## the tests that need nothing but this
	$(BIN)/python -m pytest -m "not real and not stack" -n auto --maxprocesses 4 --dist loadfile

test-real: venv  ## the tests against real servers on loopback, which it gets; REQUIRE=part,part fails without them
	$(BIN)/python -m tests.servers.run $(if $(REQUIRE),--require $(REQUIRE))

test-stack: venv  ## the tests against real containers; REQUIRE=part,part fails without them
	$(BIN)/python -m tests.stack.run $(if $(REQUIRE),--require $(REQUIRE))

bench-train: venv .venv-bench/ready  ## our fit beside other libraries'; docs/benchmarks.md keeps the results
	$(BIN)/python -m benchmarks.training

bench-retrain: venv  ## the whole retrain of a million users, from the store to the model that serves
	$(BIN)/python -m benchmarks.retrain

bench-serve: venv .venv-bench/ready  ## the service behind nginx beside a constant view
	$(BIN)/python -m benchmarks.serving

bench-ingest: venv  ## the log into the store beside what its parts do alone
	$(BIN)/python -m benchmarks.ingest

bench-experiment: venv  ## ten million requests and viewings evaluated, at once and hour by hour
	$(BIN)/python -m benchmarks.evaluating

.venv-bench/ready: requirements-bench.txt requirements-bench-lenskit.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	$(PYTHON) -m venv .venv-bench/lenskit
	.venv-bench/lenskit/bin/pip install --quiet --disable-pip-version-check -r requirements-bench-lenskit.txt
	.venv-bench/bin/pip install --quiet --disable-pip-version-check --target .venv-bench/servers granian==$(GRANIAN)
	@touch $@

check: venv  ## lint, format, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: venv  ## let ruff format and mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: venv  ## pin the requirements anew
	$(BIN)/pip install --quiet uv
	for name in requirements requirements-dev requirements-bench requirements-bench-lenskit; do \
	    $(BIN)/uv pip compile --quiet --python-version 3.11 --no-header $$name.in -o $$name.txt || exit 1; done
