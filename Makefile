.DEFAULT_GOAL := help
# The system's Python if it is new enough: distributions build it with optimisation, which a build from source often is not.
PYTHON ?= $(shell /usr/bin/python3 -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo /usr/bin/python3 || echo python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LOCK := requirements/dev.txt
BENCH_VENV := .venv-bench
AUDIT_STAMP := $(VENV)/.installed-audit
FUZZ_STAMP := $(VENV)/.installed-fuzz
CLIENTS_VENV := .venv-clients
CLIENTS_STAMP := $(CLIENTS_VENV)/.installed
# Options of `mesh up` and of pytest pass through, e.g. make up ARGS="--http-port 8081".
ARGS ?=

# Without a cache of bytecode each process compiles its imports again, which takes twice the CPU of its start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install up generate compose-env docs test polyglot pictures fuzz faults bench bench-full bench-install check format audit lock clean

help: ## Show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Existing files in .venv stay: a running stack may use them.
install: $(STAMP) ## Create .venv with every dependency pinned and checked by hash

$(STAMP): requirements/build.txt $(LOCK) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is required, and $(PYTHON) is older: try make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "installing into $(VENV) with $$($(PYTHON) --version): some 400 MB, PostgreSQL and MongoDB among them"
	@if command -v uv >/dev/null 2>&1; then \
		uv venv -q --allow-existing --python $(PYTHON) $(VENV) && \
		uv pip install -q --python $(BIN)/python --require-hashes -r requirements/build.txt && \
		uv pip install -q --python $(BIN)/python --require-hashes --no-build-isolation -r $(LOCK) && \
		uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e . ; \
	else \
		if ! [ -x $(BIN)/python ]; then rm -f $(BIN)/python* && $(PYTHON) -m venv $(VENV); \
		elif ! $(BIN)/python -m pip --version >/dev/null 2>&1; then $(BIN)/python -m ensurepip; fi && \
		$(BIN)/python -m pip install -qq --require-hashes -r requirements/build.txt && \
		$(BIN)/python -m pip install -qq --require-hashes --no-build-isolation -r $(LOCK) && \
		$(BIN)/python -m pip install -qq --no-deps --no-build-isolation -e . ; \
	fi
	@touch $@

up: install ## Start NATS, PostgreSQL, MongoDB, the workers and the gateway here
	@$(BIN)/mesh up $(ARGS)

generate: install ## Update nats.conf, compose.yaml and .env.example from services.py and subjects.py
	@$(BIN)/mesh generate $(ARGS)

compose-env: install ## Create .env and keys/ for docker compose up
	@$(BIN)/mesh compose init $(ARGS)

test: install ## Run the tests on real servers
	@$(BIN)/pytest -n 3 --dist loadscope --no-loadscope-reorder --max-worker-restart 0 $(ARGS)

polyglot: install $(CLIENTS_STAMP) ## Run the tests in other languages: installs packages of npm and Go
	@command -v npm >/dev/null || { echo "make polyglot needs Node.js 20 or newer, with npm"; exit 1; }
	@command -v go >/dev/null || { echo "make polyglot needs Go 1.26 or newer"; exit 1; }
	@cd polyglot && npm ci --no-audit --no-fund --ignore-scripts
	@cd polyglot/products-ts && npm ci --no-audit --no-fund --ignore-scripts && npm run --silent build
	@cd polyglot/clients/typescript && npm ci --no-audit --no-fund --ignore-scripts
	@GOBIN=$(CURDIR)/polyglot/node_modules/.bin $$($(BIN)/python -c "from ops.contracts.generators.golang import GO; print(GO.install)")
	@if command -v mvn >/dev/null; then \
		for folder in java clients/java; do \
			(cd polyglot/$$folder && mvn -q -B compile dependency:copy-dependencies -DoutputDirectory=target/lib) || exit; done; \
	else echo "without Java: it needs Java 17 or newer, and Maven"; fi
	@MESH_POLYGLOT=1 $(BIN)/pytest tests/polyglot $(ARGS)

pictures: install ## Take the pictures of docs/guides/incidents.md again: needs Chromium
	@MESH_PICTURES=1 $(BIN)/pytest tests/faults/incidents $(ARGS)

fuzz: $(FUZZ_STAMP) ## Send thousands of requests, and check that OpenAPI documents every answer
	@$(BIN)/pytest -s tests/fuzz $(ARGS)

faults: install ## Run the long fault tests: about 50 minutes, figures in dist/faults.json
	@MESH_FAULTS=long $(BIN)/pytest -s tests/faults tests/e2e/command/test_conform.py tests/security/http/test_floods.py tests/security/nats/test_answers.py \
		tests/integration/auth_svc/test_no_enumeration.py tests/integration/scaffold/test_contracts_guide.py tests/unit/mesh/events/test_no_event_is_lost.py \
		tests/unit/mesh/service/test_every_request_is_answered_once.py \
		tests/unit/ops/contracts/pacts/test_judging.py \
		tests/unit/ops/contracts/compatibility/test_judged_by_instances.py $(ARGS)

$(VENV)/.installed-%: requirements/%.txt $(STAMP)
	@if command -v uv >/dev/null 2>&1; then \
		uv pip install -q --python $(BIN)/python --require-hashes --no-build-isolation -r $< ; \
	else \
		$(BIN)/python -m pip install -qq --require-hashes --no-build-isolation -r $< ; \
	fi
	@touch $@

$(CLIENTS_STAMP): requirements/clients.txt
	@if command -v uv >/dev/null 2>&1; then \
		uv venv -q --allow-existing --python $(PYTHON) $(CLIENTS_VENV) && \
		uv pip install -q --python $(CLIENTS_VENV)/bin/python --require-hashes --no-build-isolation -r $< ; \
	else \
		$(PYTHON) -m venv $(CLIENTS_VENV) && \
		$(CLIENTS_VENV)/bin/python -m pip install -qq --require-hashes --no-build-isolation -r $< ; \
	fi
	@touch $@

bench: bench-install ## Run the benchmark: 5 minutes, see bench/README.md
	@$(BENCH_VENV)/bin/python -m bench $(ARGS)

bench-full: bench-install ## Run the whole benchmark: half an hour
	@$(BENCH_VENV)/bin/python -m bench --full $(ARGS)

bench-install:
	@$(MAKE) --no-print-directory install VENV=$(BENCH_VENV) LOCK=requirements/bench.txt

check: install ## Run ruff, mypy and import-linter; check that contracts break nobody and pacts are current
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/mesh contracts diff released
	$(BIN)/mesh contracts record --check

docs: install ## Update the generated parts of docs/
	@$(BIN)/mesh contracts export
	@$(BIN)/mesh contracts export # once more: OpenAPI's examples come from reasons.json
	@cp docs/contracts/schemas.json polyglot/customers-go/mesh/
	@$(BIN)/python -m tests.unit.docs.generated
	@$(BIN)/mesh contracts record

format: install ## Format the code
	@$(BIN)/ruff format .

audit: $(AUDIT_STAMP) ## Check servers and packages for known vulnerabilities; needs the internet
	@$(BIN)/python -m devstack.servers.audit
	@$(BIN)/pip-audit --strict --disable-pip --require-hashes $(foreach file,$(wildcard requirements/*.txt),-r $(file)) $(ARGS)

# Installing runs no package's code: wheels only, except for nkeys. The options are added by hand: uv writes them in the
# other order, in which pip ignores the exception.
lock: COMPILE := uv pip compile -q --universal --generate-hashes --no-header --no-annotate --only-binary :all: --no-binary nkeys
lock: OPTIONS := --only-binary :all:\n--no-binary nkeys\n
lock: ## Update the pins of every dependency
	@for extra in dev cli $$($(BIN)/python -c "from services import LOCKS; print(*LOCKS)"); do \
		$(COMPILE) --upgrade --extra $$extra pyproject.toml -o requirements/$$extra.txt || exit; done
	@for extra in bench audit fuzz; do \
		$(COMPILE) --extra $$extra -c requirements/dev.txt pyproject.toml -o requirements/$$extra.txt || exit; done
	@for group in build clients; do $(COMPILE) --upgrade --group $$group -o requirements/$$group.txt || exit; done
	@for file in requirements/*.txt; do \
		printf -- '$(OPTIONS)' | cat - $$file > $$file.new && mv $$file.new $$file || exit; done

clean: ## Remove .venv, caches and the data of `mesh up`
	rm -rf bench/peers/nestjs/node_modules bench/peers/nestjs/dist bench/peers/go/dist
	rm -rf polyglot/products-ts/node_modules polyglot/products-ts/dist polyglot/java/target polyglot/clients/*/node_modules polyglot/clients/java/target
	rm -rf $(VENV) $(BENCH_VENV) $(CLIENTS_VENV) .mesh .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
