# make demo · make test · make check
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO := .firstmile/demo
PYTHON ?= python3
UV := uv==0.13.8

# Everything stays inside the checkout, caches too.
export UV_CACHE_DIR ?= $(CURDIR)/$(VENV)/.uv-cache
export PIP_NO_CACHE_DIR ?= 1
export PIP_DISABLE_PIP_VERSION_CHECK ?= 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := false

.PHONY: demo test slow check format lock install clean bench-requests

demo: $(READY)
	@$(BIN)/python examples/demo.py $(DEMO)
	@SHOP_WAREHOUSE=$(CURDIR)/$(DEMO)/shop.duckdb $(BIN)/firstmile replay \
		examples/tickets/jira_weekly_churn.json --project $(DEMO)/shop.git --state $(DEMO)/state
	@echo && git --git-dir=$(DEMO)/shop.git log --oneline --graph --all --decorate

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

slow: $(READY)
	$(BIN)/python -m pytest -m slow

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench-requests: $(READY)
	$(BIN)/python -m bench.requests.run $(ARGS)

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

install: $(READY)

$(READY): requirements.lock pyproject.toml tests/node/package-lock.json
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet '$(UV)'
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --no-index --editable .
	@! command -v npm >/dev/null || (cd tests/node && npm ci --silent --no-progress --cache $(CURDIR)/$(VENV)/.npm-cache) >/dev/null 2>&1 \
		|| echo "npm could not install tests/node: tests that need it are skipped."
	@touch $(READY)

lock: $(READY)
	$(BIN)/uv pip compile pyproject.toml --extra anthropic --group dev --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --custom-compile-command "make lock" --quiet -o requirements.lock

clean:
	rm -rf $(VENV) .firstmile tests/node/node_modules
