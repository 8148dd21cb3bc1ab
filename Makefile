# The commands of this project. Every target prepares the clone by itself (scripts/setup.py).
PYTHON ?= python3
RUN := .venv/bin/python
CHECKED := protocol backend indexer scripts bench tests clients/python/fairline_client
export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/node_modules/.bin:$(PATH)

.PHONY: help setup demo chaos test test-ganache test-one check format invariants coverage slither devnet lock clean
.DEFAULT_GOAL := help

help:
	@echo "make demo          run all of Fairline on this machine, with one match day"
	@echo "make chaos         bets while processes are killed, frozen, restarted (ROUNDS=30 SEED=1 CHAIN=anvil)"
	@echo "make setup         install the dependencies; the other commands do this first"
	@echo "make test          all tests; on Ganache those that depend on the chain"
	@echo "make test-ganache  every contract test on Ganache, and what else make test leaves out"
	@echo "make test-one      tests of some files or folders: FILE=tests/... (CHAIN=both for contracts)"
	@echo "make check         style, types and contract rules: what CI runs before the tests"
	@echo "make format        format the code"
	@echo "make coverage      branch coverage of the contracts"
	@echo "make invariants    invariant tests of the contracts, in runs of depth 120 (RUNS=5000 SEED=0x1)"
	@echo "make slither       run slither, compare with docs/slither.md"
	@echo "make devnet        a chain with the contracts, PostgreSQL, Redis (START=eve SERVICES=1 CHAIN=anvil RESET=1)"
	@echo "make bench-X       one benchmark of bench/, for example make bench-gas"
	@echo "make lock          update the lock files"
	@echo "make clean         remove what was built and the state of local runs"

setup:
	@$(PYTHON) scripts/setup.py

demo: setup
	@$(RUN) -m scripts.demo

chaos: setup
	@$(RUN) -m scripts.chaos

test: setup
	@$(RUN) -m scripts.all_tests

test-ganache: setup
	@$(RUN) -m scripts.test tests/contracts --chain ganache
	@$(RUN) -m scripts.test tests/backend tests/indexer tests/web -m ganache_again

test-one: setup
	@$(RUN) -m scripts.test $(FILE) $(if $(CHAIN),--chain $(CHAIN))

check: setup
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy $(wildcard $(CHECKED))
	solhint --disc --noPoster --max-warnings 0 'contracts/**/*.sol'

format: setup
	$(RUN) -m ruff check --fix-only .
	$(RUN) -m ruff format .

bench-%: setup
	@$(RUN) -m bench.$*

slither: setup
	@$(RUN) -m scripts.slither

coverage: setup
	@$(RUN) -m scripts.coverage

invariants: setup
	@$(RUN) -m scripts.invariants $(if $(RUNS),--runs $(RUNS)) $(if $(SEED),--seed $(SEED))

devnet: setup
	@$(RUN) -m scripts.devnet

lock: setup
	@$(PYTHON) scripts/lock.py

clean:
	rm -rf build web/dist .devnet .hypothesis .mypy_cache .pytest_cache .ruff_cache
