# One word for each thing a person does here; `make help` lists them. Needs GNU make, sh and Python 3.11 or later.
# Everything is installed into .venv, with plain pip, at the versions of constraints.txt. Nothing outside is touched,
# except that `make test` may install Chromium with apt where it is root.

PY := .venv/bin/python
# Where CI is set, pip keeps quiet and a missing Chromium is an error.
PIP := $(PY) -m pip --disable-pip-version-check $(if $(CI),--quiet)
WORKERS ?= 2
# Of the Pythons on the path, the first that is new enough; `make PYTHON=/path/to/python3.12 run` chooses another.
PYTHONS := $(or $(PYTHON),python3 python3.13 python3.12 python3.11 python)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: audit bench encoder help run test long check format-check lint types format requirements freeze base samples notebook screenshots \
	chromium clean pairs soak words zoo

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile | expand -t 22

run: .venv/.installed ## start the studio on http://127.0.0.1:7860, installing what it needs the first time
	@exec $(PY) app.py

test: .venv/.installed-dev chromium ## run all tests but the longest, installing what they need the first time
	$(PY) -m pytest -m "not long" -n $(WORKERS) --dist loadscope --no-loadscope-reorder $(ARGS)

long: .venv/.installed-dev chromium ## run the longest tests: whole journeys and accidents whose parts `make test` tries
	@$(PIP) install --only-binary :all: -c constraints.txt xllamacpp || echo "No llama.cpp for this system: its tests are left out." >&2
	@$(PIP) install --only-binary :all: -c constraints.txt liger-kernel triton || echo "No Triton for this system: its kernels are not tried." >&2
	$(PY) -m pytest -m long -n $(WORKERS) --dist loadscope --no-loadscope-reorder $(ARGS)

check: format-check lint types test ## format, lint, types, tests: all that has to be right

format-check: .venv/.installed-dev
	$(PY) -m ruff format --check .

lint: .venv/.installed-dev ## look for mistakes in the Python and the JavaScript
	$(PY) -m ruff check .
	.venv/bin/oxlint studio

types: .venv/.installed-dev ## check the types of both
	$(PY) -m mypy
	$(PY) .ci/typescript.py

format: .venv/.installed-dev ## put the code in the house's format
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

requirements: .venv/.installed ## make requirements.txt from pyproject.toml and constraints.txt
	$(PY) .ci/requirements.py

freeze: .venv/.installed-dev ## make constraints.txt from what is installed now
	$(PY) .ci/requirements.py --freeze

base: .venv/.installed ## train the built-in base model again
	$(PY) -m studio.world

encoder: .venv/.installed ## train the built-in encoder again, from the base
	$(PY) -m studio.world.encoder

samples: .venv/.installed ## write the sample tasks again
	$(PY) -m studio.world.samples

notebook: .venv/.installed-dev ## execute the notebooks and keep their output, in a workspace of their own
	STUDIO_HOME="$$(mktemp -d)" $(PY) -c "from nbclient.cli import main; main()" --inplace notebooks/*.ipynb

screenshots: .venv/.installed-dev chromium ## take the pictures of the README from the real page
	STUDIO_SHOTS=assets/screens $(PY) -m pytest tests/browser -m screenshots

bench: .venv/.installed-dev ## measure, and keep the figures in bench/results.json
	$(PY) -m bench $(ARGS)

pairs: .venv/.installed-dev ## train every pair of method and precision, by itself and through the page's own endpoints
	STUDIO_ALL_PAIRS=1 $(PY) -m pytest tests/test_pairs_api.py tests/contracts/test_precisions.py $(ARGS)

zoo: .venv/.installed-dev ## try every promise on every causal architecture of transformers, and every method (an hour)
	STUDIO_ZOO=1 STUDIO_FUZZ=2000 $(PY) -m pytest tests/zoo tests/contracts/test_methods.py tests/test_fitting.py \
	  tests/test_ui_fuzz.py tests/test_bench_card.py \
	  -k "architecture or test_methods or test_fitting or anything_is_answered or both_sides" -n $(WORKERS) --dist loadscope --no-loadscope-reorder $(ARGS); tried=$$?; $(PY) tests/zoo/table.py && exit $$tried

audit: .venv/.installed-dev ## look up known weaknesses of what is installed, where the network lets it, and list licences
	$(PY) .ci/audit.py

soak: .venv/.installed-dev ## let accidents happen at random for ten minutes, and print a tally
	$(PY) -m bench.soak $(ARGS)

words: .venv/.installed-dev ## rewrite the sentences of tests/golden after editing what people read
	STUDIO_GOLDEN=1 $(PY) -m pytest -q tests/test_golden_words.py

clean: ## remove .venv and caches (never a workspace)
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis tests/artefacts *.egg-info

# The stamps are younger than the two files exactly when what those files ask for is installed.
.venv/.installed: pyproject.toml constraints.txt | .venv/bin/python
	@echo "Installing the studio's libraries into .venv (once; a few minutes and some gigabytes)."
	@$(PIP) install -c constraints.txt -e . || { echo "The installation failed; see above. Run the same command again" \
	  "once the cause is gone (often the network or a full disk): it goes on where it stopped." >&2; exit 1; }
	@touch $@

.venv/.installed-dev: pyproject.toml constraints.txt | .venv/bin/python
	@echo "Installing the studio's libraries and those of its tests into .venv (once)."
	@$(PIP) install -c constraints.txt -e ".[dev]" || { echo "The installation failed; see above." >&2; exit 1; }
	@touch .venv/.installed $@

.venv/bin/python:
	@for python in $(PYTHONS); do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "Making a virtual environment in .venv with $$("$$python" --version)."; \
	    "$$python" -m venv .venv && exit 0; \
	    rm -rf .venv; \
	    echo "That Python can't make one. On Debian and Ubuntu: sudo apt-get install python3-venv" >&2; exit 1; \
	  fi; \
	done; \
	echo "The studio needs Python 3.11 or later; none of these is: $(PYTHONS)." >&2; \
	echo "Install one (https://www.python.org/downloads), or name one: make PYTHON=/path/to/python3.12 run" >&2; exit 1

chromium: | .venv/bin/python
	@CI="$(CI)" PYTHON=$(PY) sh .ci/chromium
