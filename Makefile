# Two commands: `make demo` and `make test`. Needs Linux, Python 3.11 and make; everything else is fetched once.
SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
ENVIRONMENT := $(VENV)/.complete
# Where Python may not keep what it has compiled, as in many containers, each process that computes compiles for six
# seconds what the last one has compiled: here it may.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help demo test check bench soak endurance fuzz guided up down env lock clean

help: ## What can be asked for
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

demo: $(ENVIRONMENT) ## Two simulated days of four provinces, from upload to report
	@$(BIN)/sitehub demo

# Three at a time on two cores: a third of a test's time is waiting for Kafka.
test: $(ENVIRONMENT) ## All tests, with a real broker and registry
	@$(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

check: $(ENVIRONMENT) ## Style, types, arrows between the rooms, compatibility of the schemas
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sitehub schemas check

# Goes on with what benchmarks/results/ holds of the same commit and machine.
bench: $(ENVIRONMENT) ## Measure beside other engines and write benchmarks/RESULTS.md and docs/scale.md
	$(BIN)/python -m benchmarks check
	$(BIN)/python -m benchmarks throughput
	$(BIN)/python -m benchmarks latency
	$(BIN)/python -m benchmarks scale
	$(BIN)/python -m benchmarks.lake
	$(BIN)/python -m benchmarks report

soak: $(ENVIRONMENT) ## 200 faults under load, on one broker and on three; none may have an effect (about half an hour)
	@$(BIN)/python -m benchmarks.soak

endurance: $(ENVIRONMENT) ## Two hours of even load: nothing may grow without bound
	@$(BIN)/python -m benchmarks.endurance

fuzz: $(ENVIRONMENT) ## A million damaged uploads: each quarantined with its bytes or rightly accepted
	@$(BIN)/python -m benchmarks.fuzz

# The fuzzer itself grows with its inputs, so that the hour is three runs, each going on with what the last one reached.
guided: $(ENVIRONMENT) ## An hour of bytes chosen by what they reach in the code, judged as in fuzz, without Kafka
	@$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r benchmarks/fuzz/requirements.lock
	@for run in 1 2 3; do $(BIN)/python -m benchmarks.fuzz.guided -max_total_time=1200 -rss_limit_mb=9000 \
	    -artifact_prefix=.sitehub/ .sitehub/corpus || exit; done

up: $(ENVIRONMENT) ## Start the stack for a day's work, in the background
	@$(BIN)/sitehub up --detach

down: $(ENVIRONMENT) ## Stop it
	@$(BIN)/sitehub down

env: $(ENVIRONMENT) ## Make the environment only

$(ENVIRONMENT): requirements/bootstrap.lock requirements/sitehub.lock pyproject.toml
	@PYTHON=$(PYTHON) VENV=$(VENV) requirements/install
	@touch $@

lock: $(ENVIRONMENT) ## Choose new versions of everything, with their hashes
	$(BIN)/uv pip compile requirements/bootstrap.in --upgrade $(LOCKING) -o requirements/bootstrap.lock
	$(BIN)/uv pip compile pyproject.toml --group dev --upgrade $(LOCKING) -o requirements/sitehub.lock
	$(BIN)/python -m infra.lock_packages "$$($(BIN)/sitehub config get maven_url)"
	for peer in quix bytewax; do $(BIN)/uv pip compile benchmarks/peers/$$peer/requirements.in --upgrade $(LOCKING) \
	    -o benchmarks/peers/$$peer/requirements.lock; done
	$(BIN)/uv pip compile benchmarks/fuzz/requirements.in --upgrade $(LOCKING) -o benchmarks/fuzz/requirements.lock

LOCKING := --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet

clean: ## Remove the environment, caches of tools and the local stack's data (stop it first)
	rm -rf $(VENV) .sitehub .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
