# Two commands are enough: `make run` and `make test`. `make help` lists the others.

.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := help
.PHONY: help run test slow library bench app docs notebooks lint licences format lock install clean

VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.travesia-installed
PIP := $(PY) -m pip --disable-pip-version-check install --quiet --no-input
# Only pinned, hashed files are fetched, and the lock is complete, so nothing is left to resolve.
LOCKED := $(PIP) --no-deps --no-compile --require-hashes --requirement

# Candidates are run, not only found: the stand-ins of version managers exist and fail.
PYTHON ?=
PYENV_ROOT ?= $(HOME)/.pyenv
CANDIDATES = python3.13 python3.12 python3.14 python3 python \
	$(wildcard $(PYENV_ROOT)/versions/3.1[2-4].*/bin/python3 /usr/local/bin/python3.1[2-4] /opt/homebrew/bin/python3.1[2-4])
OLD_ENOUGH := import sys; sys.exit(sys.version_info < (3, 12))

# Where the main job writes, and what else to pass: make run ARGS="--engine expected"; make test ARGS="-k closure -x"
OUT ?= runs/baseline
REPLICATES ?= 3
ARGS ?=

help: ## List these commands
	@printf 'make run          install into .venv if needed, then run the main job (into %s)\n' "$(OUT)"
	@printf 'make test         install if needed, then run the tests (ARGS="-k closure" narrows them)\n'
	@printf 'make app          open the local web app\n'
	@printf 'make lint         ruff, mypy and the import arrows\n'
	@printf 'make licences     dependencies that fit together, and their licences\n'
	@printf 'make format       let ruff rewrite what it can\n'
	@printf 'make slow         the tests that take minutes\n'
	@printf 'make library      read, check and run the whole library at one person in twenty\n'
	@printf 'make bench        measure against Mesa, FLEE and numpy\n'
	@printf 'make docs         build the documentation site into site/\n'
	@printf 'make notebooks    run the notebooks and write their pages (ARGS="01_first_run" for some)\n'
	@printf 'make install      only make .venv and install into it\n'
	@printf 'make lock         pin the dependencies anew (needs uv)\n'
	@printf 'make clean        remove .venv, caches and built files (runs/ stays)\n'

run: $(READY)
	$(VENV)/bin/travesia run history/baseline --out $(OUT) --replicates $(REPLICATES) --resume $(ARGS)

test: $(READY)
	$(PY) -m pytest $(ARGS)

slow: $(READY)
	$(PY) -m pytest -m slow $(ARGS)

library: $(READY)
	$(PY) -m pytest tests/end_to_end/test_library.py $(ARGS)

bench: $(VENV)/.bench-installed
	$(PY) -m benchmarks $(ARGS)

app: $(READY)
	$(VENV)/bin/travesia app $(ARGS)

docs: $(VENV)/.docs-installed
	NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict $(ARGS)

notebooks: $(READY)
	$(PY) docs/run_notebooks.py $(ARGS)

lint: $(READY)
	@status=0; \
	for check in "ruff check ." "ruff format --check ." "mypy" "lint-imports"; do \
		echo "$$check"; $(VENV)/bin/$$check || status=1; \
	done; \
	exit $$status

licences: $(READY)
	$(PY) -m pip check --disable-pip-version-check
	$(PY) -m tests.licences

format: $(READY)
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

install: $(READY)

# --- installing ---------------------------------------------------------------------------------------------

$(PY):
	@found=""; \
	for candidate in "$(PYTHON)" $(CANDIDATES); do \
		if [ -n "$$candidate" ] && "$$candidate" -c '$(OLD_ENOUGH)' >/dev/null 2>&1; then found="$$candidate"; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "Travesía needs Python 3.12 or newer and found none: install it (https://www.python.org/downloads/, or 'apt install python3.12 python3.12-venv', or 'brew install python@3.12') and try again, or name it: make run PYTHON=/path/to/python3.12" >&2; \
		exit 1; \
	fi; \
	if ! "$$found" -c 'import venv, ensurepip' >/dev/null 2>&1; then \
		echo "Travesía found $$found, but it cannot make virtual environments: install its venv package (on Debian and Ubuntu 'apt install python3.12-venv') and try again." >&2; \
		exit 1; \
	fi; \
	echo "Making $(VENV) with $$("$$found" -c 'import sys; print("Python", sys.version.split()[0], "from", sys.executable)')"; \
	"$$found" -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }

# Byte-compiling on every core, and without the packages' own tests, takes half of pip's time.
$(VENV)/.lock-installed: requirements.lock | $(PY)
	@$(PY) -c '$(OLD_ENOUGH)' || { echo "$(VENV) holds no working Python 3.12 or newer: run 'make clean' and try again." >&2; exit 1; }
	@echo "Installing the locked dependencies (once; about a minute)"
	@$(LOCKED) requirements.lock
	@$(PY) -m compileall -q -j 0 -x '[/\\]tests?[/\\]' $(VENV)/lib >/dev/null || true
	@touch $@

$(READY): pyproject.toml $(VENV)/.lock-installed
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.bench-installed: requirements-bench.lock $(READY)
	@echo "Installing the peers to measure against"
	@$(LOCKED) requirements-bench.lock
	@touch $@

$(VENV)/.docs-installed: requirements-docs.lock $(READY)
	@echo "Installing the documentation tools"
	@$(LOCKED) requirements-docs.lock
	@touch $@

# --- for maintainers ----------------------------------------------------------------------------------------

UV_COMPILE = uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url pyproject.toml
lock: ## the extra locks follow the versions of the first, so that all fit into one .venv
	$(UV_COMPILE) --group dev --output-file requirements.lock $(ARGS)
	$(UV_COMPILE) --group bench --constraint requirements.lock --output-file requirements-bench.lock $(ARGS)
	$(UV_COMPILE) --group docs --constraint requirements.lock --output-file requirements-docs.lock $(ARGS)

clean:
	rm -rf $(VENV) .numba_cache .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache site dist build
	find sim scenarios calibration tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
