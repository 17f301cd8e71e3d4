# The two that matter: `make demo` (no server) and `make test` (everything, with real servers it brings up itself).
# Nothing is installed outside .venv; servers are cached in $XDG_CACHE_HOME/siem-anomaly and run on free loopback ports.

PYTHON ?= python3
DATA ?= ../shared/data
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo live test quick bench evaluate endure lint lock clean

demo: $(READY)  ## the strange lines of a real auth.log, learnt from itself
	$(BIN)/siem-anomaly score tests/data/auth-excerpt.log

test: $(READY)  ## every test, with a real Elasticsearch, a real Redis, a real Celery worker
	$(BIN)/python -m pytest -q

quick: $(READY)  ## the tests that need no server
	$(BIN)/python -m pytest -q -m "not live"

live: $(READY)  ## from a log line to an alert, everything for real, in one command
	$(BIN)/python tests/live.py $(if $(wildcard $(DATA)/auth/auth.log),--log $(DATA)/auth/auth.log)

evaluate: $(READY)  ## templates against labelled ones; precision, recall, F1 on HDFS and ADFA-LD
	@$(BIN)/python tests/bench/mining.py --data $(DATA) $(if $(JSON),--json)
	$(BIN)/python tests/bench/evaluate.py --data $(DATA) --also transitions hybrid $(if $(JSON),--json)

bench: $(READY)  ## ratios, each side by side in one run
	@$(BIN)/python tests/bench/matching.py --data $(DATA) $(if $(JSON),--json)
	@$(BIN)/python tests/bench/hostile.py $(if $(JSON),--json)
	@$(BIN)/python tests/bench/scoring.py --data $(DATA) $(if $(JSON),--json)
	@$(BIN)/python tests/bench/stations.py --documents 200000 $(if $(JSON),--json)
	@$(BIN)/python tests/bench/polling.py $(if $(JSON),--json)
	@$(BIN)/python tests/bench/parts.py $(if $(JSON),--json)
	@$(BIN)/python tests/bench/checkpoint.py $(if $(JSON),--json)

endure: $(READY)  ## half an hour: two hundred histories of faults, memory over millions of events, lag under load
	$(BIN)/python tests/bench/histories.py
	@$(BIN)/python tests/bench/memory.py $(if $(JSON),--json)
	@$(BIN)/python tests/bench/lag.py $(if $(JSON),--json)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

lock: $(READY)  ## renew the locks in deploy/
	deploy/lock

$(READY): pyproject.toml deploy/requirements.txt deploy/requirements-torch.txt deploy/install
	PYTHON=$(PYTHON) deploy/install .venv
	touch $@

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage*
