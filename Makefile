# `make` alone shows what there is.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# More for the program that a target runs: make test-unit ARGS="-k history -x"
ARGS ?=
# Files of tests at a time. Most of them wait, each folder of a worker for a control plane of its own.
WORKERS ?= 3
# How many seeds `make simulate` runs.
SEEDS ?= 100

# The version of Python that the image has, and what runs on it beside the unit tests: its TLS is stricter than ours.
IMAGE_PYTHON := $(shell sed -n 's/^ARG PYTHON=python:\([0-9]*\.[0-9]*\).*/\1/p' Dockerfile)
IMAGE_VENV := .venv-$(IMAGE_PYTHON)
IMAGE_TESTS := tests/unit tests/integration/test_network.py

SERVER := tests/harness/langgraph_server
COMPILE := env -u PIP_FIND_LINKS CUSTOM_COMPILE_COMMAND="make constraints" $(BIN)/pip-compile --quiet \
	--generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-find-links

MAKEFLAGS += --no-print-directory
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:

.PHONY: help
help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' Makefile

.PHONY: venv
venv: $(STAMP) ## Make .venv with everything pinned in constraints.txt (PYTHON=python3.12 takes another Python)

$(STAMP): constraints.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "make venv: there is no '$(PYTHON)'. Install Python 3.11 or newer, or name one: make venv PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make venv: Python 3.11 or newer is needed, and '$(PYTHON)' is $$($(PYTHON) --version 2>&1). Name another: make venv PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "make venv: '$(PYTHON)' cannot make environments: its ensurepip is missing. On Debian and Ubuntu it is in the package python3-venv; or name another Python: make venv PYTHON=python3.12" >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { echo "making $(VENV) with $$($(PYTHON) --version)"; $(PYTHON) -m venv --clear $(VENV); }
	@echo "installing what constraints.txt pins (the first time this takes a minute or two)"
	@$(BIN)/python -m pip install --quiet --require-hashes -r constraints.txt
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@$(BIN)/python -m pip check >$(VENV)/check 2>&1 || { cat $(VENV)/check >&2; echo "constraints.txt does not fit pyproject.toml: make constraints" >&2; exit 1; }
	@touch $@
	@echo "$(VENV) is ready"

.PHONY: demo
demo: $(STAMP) ## Show the operator at work on a real API server, here on this machine
	@$(BIN)/python -m demo $(ARGS)

.PHONY: demo-langgraph
demo-langgraph: $(STAMP) ## The same with a real LangGraph Server: what you apply is what answers
	@$(BIN)/python -m demo --langgraph $(ARGS)

# PYTHONHASHSEED: the schedule of a simulation is that of its seed and of the order of sets.
.PHONY: test
test: lint tools test-image-python ## Lint, then run every test
	@PYTHONHASHSEED=0 $(BIN)/pytest tests -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

.PHONY: test-unit
test-unit: $(STAMP) ## Run the tests that need no control plane
	@$(BIN)/pytest tests/unit $(ARGS)

.PHONY: test-image-python
test-image-python: ## Run the unit tests and those of TLS on the image's version of Python
	@python=$$(command -v $(IMAGE_VENV)/bin/python || tests/image-python $(IMAGE_PYTHON)) && \
	$(MAKE) venv VENV=$(IMAGE_VENV) PYTHON="$$python"
	@$(IMAGE_VENV)/bin/pytest $(IMAGE_TESTS) $(if $(filter $@,$(MAKECMDGOALS)),$(ARGS))

.PHONY: test-kubernetes
test-kubernetes: $(STAMP) ## Run the integration tests on another Kubernetes: make test-kubernetes VERSION=1.34.4
	@test -n "$(VERSION)" || { echo "make test-kubernetes: which one? VERSION=1.34.4" >&2; exit 1; }
	@ASSISTANT_OPERATOR_TEST_KUBERNETES=$(VERSION) $(BIN)/pytest tests/integration $(ARGS)

.PHONY: lint
lint: $(STAMP) ## Check style, format, types and who imports whom
	@failed=0; \
	$(BIN)/ruff check || failed=1; \
	$(BIN)/ruff format --check || failed=1; \
	$(BIN)/mypy || failed=1; \
	$(BIN)/lint-imports --no-logo || failed=1; \
	exit $$failed

.PHONY: format
format: $(STAMP) ## Format the code and fix what ruff can fix
	@$(BIN)/ruff check --fix --exit-zero --quiet
	@$(BIN)/ruff format

.PHONY: generate
generate: crds docs ## Write all that is generated: crds/, parts of docs/, deploy/no-secrets, files of the chart
	@$(BIN)/python -m harness.documentation policy chart

.PHONY: crds
crds: $(STAMP) ## Write crds/, and the copy in the package, from the models
	@$(BIN)/python -m harness.documentation crds

.PHONY: docs
docs: $(STAMP) ## Write the generated parts of docs/ from the code
	@$(BIN)/python -m harness.documentation docs

.PHONY: tools
tools: $(STAMP) ## Make the tools of others that the tests run: helm, promtool, kubeconform, kube-score, hadolint, Chromium
	@$(BIN)/python -m harness.tools

.PHONY: screenshots
screenshots: $(STAMP) ## Write the screenshots of docs/dashboard.md, by the test that makes them
	@ASSISTANT_OPERATOR_TEST_SCREENSHOTS=docs/images $(BIN)/pytest tests/dashboard/test_screenshots.py $(ARGS)

.PHONY: controlplane
controlplane: $(STAMP) ## Keep a control plane running until Ctrl-C, for trying things by hand
	@$(BIN)/python -m harness.controlplane $(ARGS)

.PHONY: simulate
simulate: $(STAMP) ## Run the operator in virtual time: faults at each call, then random ones: make simulate SEEDS=10000
	@PYTHONHASHSEED=0 $(BIN)/python -m simulation --seeds $(SEEDS) $(ARGS)

.PHONY: soak
soak: $(STAMP) ## An hour of edits in virtual time, 20 a second: what the operator holds must not grow (half an hour)
	@PYTHONHASHSEED=0 $(BIN)/python -m simulation.soak $(ARGS)

.PHONY: bench
bench: $(STAMP) ## Measure, on a control plane of its own
	@$(BIN)/python -m benchmarks $(ARGS)

.PHONY: constraints
constraints: $(BIN)/pip-compile ## Pin anew what pyproject.toml asks for (ARGS=--upgrade: the newest of everything)
	@echo "pinning, with the hashes of every file of every package: this takes minutes"
	@$(COMPILE) --all-build-deps --extra cli --extra test --extra dev --output-file constraints.txt $(ARGS) pyproject.toml
	@$(COMPILE) --output-file $(SERVER)/requirements.txt $(ARGS) $(SERVER)/requirements.in
	@echo "constraints.txt is written; make venv installs it"

$(BIN)/pip-compile:
	@$(MAKE) venv

.PHONY: clean
clean: ## Remove .venv, caches and what was built
	@rm -rf $(VENV) .venv-* build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
