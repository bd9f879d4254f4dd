# Two commands are all that is needed: `make run` and `make test`. Both make .venv first.
PYTHON ?= python3
PIP_ARGS ?=
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# the tests start many processes, which would all compile what they import
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run install test long quick check bench clean

run: install            ## collect, learn, search, fine-tune, register, report
	$(BIN)/forerun run

install: .venv/installed

.venv/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "forerun needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Name another: make run PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv .venv
	touch $@

.venv/installed: .venv/made pyproject.toml constraints.txt
	$(BIN)/pip install --quiet $(PIP_ARGS) --constraint constraints.txt --editable .
	touch $@

# one installation, not two: finding what fits together takes pip minutes
.venv/tested: .venv/made pyproject.toml constraints.txt
	$(BIN)/pip install --quiet $(PIP_ARGS) --constraint constraints.txt --editable '.[dev]'
	touch .venv/installed $@

test: .venv/tested check   ## everything but what takes minutes by itself
	$(BIN)/pytest -m "not slow and not long" -n 2
	$(BIN)/pytest -m "slow and not long" -n 2 --dist loadfile --no-loadscope-reorder

long: .venv/tested         ## what takes minutes: clusters, walks from end to end, benchmarks at their smallest
	$(BIN)/pytest -m long -n 2 --dist loadfile --no-loadscope-reorder

quick: .venv/tested        ## the quick tests alone
	$(BIN)/pytest -m "not slow and not long" -n 2

check: .venv/tested        ## format, lint, types, the direction of the arrows
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.venv/benched: .venv/tested
	$(BIN)/pip install --quiet $(PIP_ARGS) --constraint constraints.txt --editable '.[bench]'
	touch $@

FAST := forerun,random,average,portfolio,nearest
FAMILIES := linear,quadratic,network,relative,last_layer,deep_kernel,metric,maml,recurrent
OWN := .forerun/bench/own

bench: .venv/benched       ## what is fast, as ratios in one run, and how good recommendations are; BENCH_DATA=DIR: on more
	$(BIN)/python benchmarks/batched_training.py
	$(BIN)/python benchmarks/metafeatures.py
	$(BIN)/python benchmarks/search.py
	$(BIN)/python benchmarks/quality.py --methods $(FAST),$(FAMILIES) --folds 8 --seeds 2 --trials 10 --json $(OWN).json
	$(BIN)/python benchmarks/quality.py --json $(OWN).json --page $(OWN)
ifdef BENCH_DATA
	$(BIN)/python benchmarks/quality.py all --data $(BENCH_DATA) --json .forerun/bench/data.json
	$(BIN)/python benchmarks/quality.py --json .forerun/bench/data.json --page .forerun/bench/data
endif

clean:                     ## forget everything that was collected, learned and registered here
	rm -rf .dvc/cache .dvc/tmp dvc.lock .forerun
	find data mlruns -mindepth 1 -maxdepth 1 ! -name .gitkeep ! -name history -exec rm -rf {} +
