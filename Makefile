# make run     installs into .venv and serves ws://localhost:8765;  ARGS="--port 9000" is passed on
# make test    installs what the tests need and runs all that are quick
# make check   format, lint, types, docs, make test, a slice of the slow suites: what CI runs
# make soak    the slow suites in full, make fuzz and make mutants
# make fuzz    looks for bytes that break what reads them     make mutants   for wrongs that no test notices
# make bench   the benchmarks, one after another
# make docs    docs/_build/html                 make format  format and sort imports in place
# make lock    requirements/*.lock anew         make audit   known vulnerabilities of what they name
#
# No make? python tools/install.py run, then .venv/bin/interview-fsm serve (Windows: .venv\Scripts).

export VENV ?= .venv
PYTHON ?= python3
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif

# make check measures coverage while it runs `make test`: PYTEST is what it replaces.
PYTEST ?= $(BIN)/python -m pytest
# Processes that share the tests, by the groups of tests/conftest.py.
WORKERS ?= 2
SHARED := --numprocesses $(WORKERS) --dist loadgroup
COVERAGE := $(BIN)/python -m coverage

# What stands between strangers and the rest has no branch that no test takes: links, the wire, who may come
# in, what may be logged, what may be quoted and what may be spent.
comma := ,
empty :=
GUARDS := $(subst $(empty) $(empty),$(comma),$(addprefix src/interview_fsm/,\
	resume/fetch.py resume/links.py resume/lookup.py resume/replies.py \
	protocol.py messages.py access.py door.py proxies.py rates.py turns.py redaction.py keys.py \
	coaching/quotes.py budget.py))

.PHONY: run test check covered format-check lint types slow soak fuzz mutants bench docs format lock audit

run: $(VENV)/.installed-for-run
	@$(BIN)/interview-fsm serve $(ARGS)

test: $(VENV)/.installed-for-test
	@$(PYTEST) -m "not slow" $(SHARED) $(ARGS)

check: format-check lint types docs covered slow

covered: $(VENV)/.installed-for-test
	@$(COVERAGE) erase
	@$(MAKE) --no-print-directory test PYTEST="$(COVERAGE) run -m pytest"
	@$(COVERAGE) combine --quiet
	@$(COVERAGE) report --skip-covered
	@echo "What keeps strangers out, branch by branch:"
	@$(COVERAGE) report --show-missing --fail-under 100 --include "$(GUARDS)"

format-check: $(VENV)/.installed-for-test
	@$(BIN)/ruff format --check .

lint: $(VENV)/.installed-for-test
	@$(BIN)/ruff check .

types: $(VENV)/.installed-for-test
	@$(BIN)/mypy

slow: $(VENV)/.installed-for-test
	@$(PYTEST) -m slow $(SHARED) $(ARGS)

# Interviews at two servers for so long, one of them killed again and again.
SOAK_MINUTES ?= 60
soak: $(VENV)/.installed-for-test
	@INTERVIEW_FSM_SOAK=1 $(PYTEST) -m slow --timeout 0
	@INTERVIEW_FSM_SOAK=1 $(PYTEST) tests/test_fuzz_targets.py --timeout 0
	@$(BIN)/python benchmarks/soak.py --minutes $(SOAK_MINUTES)
	@$(MAKE) --no-print-directory fuzz mutants

# Each target for so many seconds, guided by coverage. What is found new stays in .fuzz.
FUZZ_SECONDS ?= 120
fuzz: $(VENV)/.installed-for-test
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[fuzz]"
	@set -e; for target in link plain_text json_v1 entry; do \
		echo "== $$target"; $(BIN)/python -m tests.fuzz $$target --seconds $(FUZZ_SECONDS); done

mutants: $(VENV)/.installed-for-test
	@$(BIN)/python -m tests.mutants $(ARGS)

bench: $(VENV)/.installed-for-bench
	@broken=""; for file in benchmarks/[!_]*.py; do \
		echo "== $$file"; $(BIN)/python "$$file" || broken="$$broken $$file"; done; \
	if [ -n "$$broken" ]; then echo "Bounds are broken in$$broken"; exit 1; fi

docs: $(VENV)/.installed-for-test
	@$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

format: $(VENV)/.installed-for-test
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock:
	@$(PYTHON) tools/lock.py

audit:
	@$(PYTHON) -m venv $(VENV)/audit
	@$(VENV)/audit/bin/python -m pip install --quiet pip-audit
	@$(VENV)/audit/bin/pip-audit --strict --disable-pip --require-hashes -r requirements/test.lock
	@$(VENV)/audit/bin/pip-audit --strict --disable-pip --require-hashes -r requirements/mic.lock

$(VENV)/.installed-for-%: pyproject.toml tools/install.py tools/lock.py $(wildcard requirements/*.lock)
	@$(PYTHON) tools/install.py $*
