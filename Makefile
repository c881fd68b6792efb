# Two commands matter: `make run` and `make test`. Everything is installed in .venv and cached in .cache here.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help install run piece test test-fast test-all lint format docs site bench ui clean

CONFIG ?= config/quick.yaml
DATASETS ?=
CORES ?= all
PYTHON ?= python3
# More options for Snakemake, for example SNAKEMAKE_ARGS="--profile slurm".
SNAKEMAKE_ARGS ?=
PYTEST_ARGS ?=
# Tests run on every core; those of one file stay together, in the order of tests/conftest.py.
PARALLEL ?= -n logical --dist loadfile --no-loadscope-reorder

# Nothing is written to the home folder (data fetched there are read), nothing leaves the machine.
export PHVAE_DATA_PATH := $(if $(PHVAE_DATA_PATH),$(PHVAE_DATA_PATH):)$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/phvae/data
export XDG_CACHE_HOME := $(CURDIR)/.cache
export MPLCONFIGDIR := $(CURDIR)/.cache/matplotlib
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := true
export PYTHONDONTWRITEBYTECODE :=
# one thread a process: processes, not threads, fill the cores
export OMP_NUM_THREADS ?= 1

ACTIVATE := source .venv/bin/activate

help: ## this list
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

# Snakemake looks for loggers along the path, which holds this folder in the editable mode `compat` only.
.venv/installed: pyproject.toml envs/requirements.lock Makefile
	@$(PYTHON) -c 'import sys; sys.exit("phvae needs Python 3.11 or newer, found " + sys.version.split()[0] + "; try make PYTHON=python3.12") if sys.version_info < (3, 11) else None'
	@echo "setting up .venv (once; about 6 GB with torch)"
	@$(PYTHON) -m venv .venv || { echo "could not create .venv: is the venv module installed (Debian: python3-venv)?" >&2; exit 1; }
	@$(ACTIVATE) && PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 python -m pip install --quiet --constraint envs/requirements.lock --config-settings editable_mode=compat --editable '.[dev,docs]'
	@touch .venv/installed

install: .venv/installed ## set up .venv with the pinned versions (the other targets do it by themselves)

# What to type where Snakemake found its lock: it holds one while it runs, and a killed one leaves it behind.
LOCKED = { status=$$?; ! compgen -G '.snakemake/locks/*.lock' >/dev/null || echo "this checkout is locked: a run is at work here, or one was killed. If none is at work:
LOCKED += make run CONFIG=$(CONFIG) SNAKEMAKE_ARGS=--unlock, then the same command again" >&2; exit $$status; }

run: .venv/installed ## run the grid of CONFIG (default: config/quick.yaml) and write the report
	@$(ACTIVATE) && start=$$(date +%s) && phvae config "$(CONFIG)" \
	  && { snakemake --cores $(CORES) --configfile "$(CONFIG)" --rerun-incomplete --logger phvae $(SNAKEMAKE_ARGS) || $(LOCKED); } \
	  && phvae summary --config "$(CONFIG)" --since $$start $(if $(SNAKEMAKE_ARGS),,--cores $(CORES))

piece: .venv/installed ## run the data sets DATASETS of CONFIG alone, up to their scores
	@$(ACTIVATE) && phvae config "$(CONFIG)" && files=$$(python -m phvae.experiment.pieces "$(CONFIG)" $(DATASETS)) \
	  && { snakemake --cores $(CORES) --configfile "$(CONFIG)" --rerun-incomplete --logger phvae $(SNAKEMAKE_ARGS) -- $$files || $(LOCKED); }

test: .venv/installed ## every test that this machine can run
	@$(ACTIVATE) && python -m pytest $(PARALLEL) $(PYTEST_ARGS)

test-fast: .venv/installed ## unit tests but the slow ones, in two minutes
	@$(ACTIVATE) && python -m pytest $(PARALLEL) -m "not slow" tests/unit phvae $(PYTEST_ARGS)

test-all: .venv/installed ## as test, but a test skipped for want of a program is a failure (gpu aside)
	@$(ACTIVATE) && PHVAE_STRICT=1 python -m pytest $(PARALLEL) $(PYTEST_ARGS)

lint: .venv/installed ## ruff, snakefmt, snakemake --lint, mypy
	@$(ACTIVATE) && ruff check . && ruff format --check . \
	  && snakefmt --check Snakefile workflow && snakemake --lint && mypy

format: .venv/installed ## rewrite the sources in the house's format
	@$(ACTIVATE) && ruff check --fix . && ruff format . && snakefmt Snakefile workflow

docs: .venv/installed ## regenerate the pages that come from the code
	@$(ACTIVATE) && python docs/renew.py && python envs/licences.py

site: .venv/installed ## build the pages as a site for a browser, offline: build/site/index.html
	@$(ACTIVATE) && NO_MKDOCS_2_WARNING=1 mkdocs build --strict --quiet && echo "open build/site/index.html"

bench: .venv/installed ## measure speed against peers; writes benchmarks/results.csv
	@$(ACTIVATE) && python benchmarks/training.py

ui: .venv/installed ## open the MLflow page of results/ (of another folder: as `phvae summary` says) on http://127.0.0.1:5000
	@echo "open http://127.0.0.1:5000/#/experiments?workflowType=machine_learning (if the folder was moved: phvae track first)"
	@$(ACTIVATE) && mlflow server --host 127.0.0.1 --port 5000 --backend-store-uri sqlite:///results/mlflow/mlflow.db --default-artifact-root results/mlflow/artifacts

clean: ## remove caches (results, .venv and the data fetched into .cache/phvae/data stay)
	if [ -d .cache ]; then find .cache -mindepth 1 -maxdepth 1 ! -name phvae -exec rm -rf {} +; fi
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
