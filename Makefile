# finance_sync. `make` alone lists the targets. Only Python 3.11 (or 3.12) and make are needed.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
UV_VERSION := 0.13.8
VENV := .venv
BIN := $(VENV)/bin
FS := $(BIN)/finance-sync
STAMP := $(VENV)/.installed
TEST_WORKERS ?= 2
PORT ?= 3000
Q ?= select * from mart_control_results order by control_id, legal_entity_id, fiscal_period_id

# Finance data stays here: no tool reports home.
export DO_NOT_TRACK := 1
export DAGSTER_DISABLE_TELEMETRY := yes
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export GX_ANALYTICS_ENABLED := false
export RUNTIME__DLTHUB_TELEMETRY := false
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Byte code is kept: compiling the libraries anew in every process would double the fixed cost of a run.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup run night query ui doctor test check lint format bench mutation generate lock clean distclean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

setup: $(STAMP) ## Create .venv and install the locked dependencies (done by the other targets too)

$(STAMP): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 is not on the PATH: install it, or say make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if v in ((3, 11), (3, 12)) else f"Python 3.11 is needed and {sys.executable} is {v[0]}.{v[1]}: say make PYTHON=/path/to/python3.11")'
	@echo "Setting up $(VENV) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet "uv==$(UV_VERSION)"
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

run: $(STAMP) ## Run everything for the demo company, from its source systems to reconciled marts
	@$(FS) sandbox create --if-missing
	@$(FS) run

night: $(STAMP) ## Let one business day pass in the demo company, then run the night
	@$(FS) sandbox create --if-missing
	@$(FS) sandbox advance
	@$(FS) run

query: $(STAMP) ## Query the published marts: make query Q="select * from mart_exceptions"
	@$(FS) query "$(Q)"

ui: $(STAMP) ## Open Dagster with the demo data on http://127.0.0.1:3000 (PORT=...)
	@$(FS) sandbox create --if-missing
	@$(FS) ui --port $(PORT)

doctor: $(STAMP) ## Check the deployment, its connections and this machine
	@$(FS) doctor

test: $(STAMP) ## Run all tests
	@$(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadgroup --no-loadscope-reorder

check: $(STAMP) ## Quick checks while working: lint, types and unit tests
	@$(MAKE) --no-print-directory lint
	@$(BIN)/python -m pytest -q tests/unit

lint: $(STAMP) ## Ruff, mypy --strict, sqlfluff
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/sqlfluff lint dbt_project/models data/demo tests/deployments

format: $(STAMP) ## Format the Python code
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

bench: $(STAMP) ## Measure full load, delta night and empty night against raw SQL; see benchmarks/
	@$(BIN)/python -m benchmarks

mutation: $(STAMP) ## Put mistakes into the SQL of the controls: does a unit test catch each?
	@$(BIN)/python -m tests.mutation

generate: $(STAMP) ## Write the files that are generated from the catalog
	@$(FS) catalog generate
	@$(FS) schema

lock: $(STAMP) ## Resolve the dependencies again and lock versions and hashes (no index addresses)
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--extra postgres --extra ui --extra dev --custom-compile-command "make lock" -o requirements.lock pyproject.toml

clean: ## Remove run-time data, caches and build output
	@rm -rf .finance_sync build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis dbt_project/target dbt_project/logs logs
	@find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean ## Remove .venv too
	@rm -rf $(VENV)
