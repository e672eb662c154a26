# Every target sets up what it needs in .venv the first time, and nothing the second time.
PYTHON ?= python3
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
INPUTS := pyproject.toml constraints.txt

.PHONY: help demo lab test soak lint notebooks bench doctor constraints clean

help:
	@echo "make demo   a whole spoken conversation in the terminal, summarised while it goes on"
	@echo "make lab    JupyterLab on the course, simulator already running"
	@echo "make test   unit, race, wire and notebook tests"
	@echo "make soak   100,000 conversations under fire, then one of 10,000 turns: hours"
	@echo "make lint   formatting, lint and types"
	@echo "make notebooks  the notebooks out of notebooks/source, executed (ONLY=02: one of them)"
	@echo "make bench  figures, as ratios in one run"
	@echo "make doctor what works on this machine"

demo: $(VENV)/.ready-demo
	@$(BIN)/realtime-workshop demo $(DEMO)

lab: $(VENV)/.ready-lab
	@$(BIN)/realtime-workshop lab $(LAB)

doctor: $(VENV)/.ready-demo
	@$(BIN)/realtime-workshop doctor

# First what may run side by side, the notebooks among it; then what needs the machine for itself.
test: $(VENV)/.ready-dev
	@$(BIN)/python -m pytest tests notebooks -m "not alone" -n logical --dist loadfile --nbval-lax --nbval-kernel-name realtime-strict $(PYTEST)
	@$(BIN)/python -m pytest tests -m alone $(PYTEST)

soak: $(VENV)/.ready-dev
	@REALTIME_SOAK_EXAMPLES=100000 $(BIN)/python -m pytest tests/memory/test_invariant.py -q $(PYTEST)
	@$(BIN)/realtime-workshop soak --turns 10000

lint: $(VENV)/.ready-dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

notebooks: $(VENV)/.ready-dev
	@$(BIN)/python notebooks/source/build.py $(ONLY)

bench: $(VENV)/.ready-dev
	@$(BIN)/python benchmarks/run.py
	@$(BIN)/python benchmarks/hearing.py
	@$(BIN)/python benchmarks/sessions.py
	@$(BIN)/python benchmarks/audio.py
	@$(BIN)/python benchmarks/summary_in_flight.py
	@$(BIN)/python benchmarks/history.py
	@$(BIN)/python benchmarks/costs.py

$(VENV)/.ready-base:
	@echo "Setting up $(VENV) (once) ..."
	@$(PYTHON) -c "import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else 'Python 3.11, 3.12 or 3.13 is needed, this is ' + sys.version.split()[0] + '. Name one with: make PYTHON=python3.12 ...')"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --upgrade pip
	@touch $@

$(VENV)/.ready-demo: $(VENV)/.ready-base $(INPUTS)
	@echo "Installing the package, the simulator and its voice (once) ..."
	@$(PIP) install -c constraints.txt -e ".[simulator,audio]"
	@touch $@

$(VENV)/.ready-lab: $(VENV)/.ready-base $(INPUTS)
	@echo "Installing JupyterLab and the course (once) ..."
	@$(PIP) install -c constraints.txt -e ".[simulator,audio,lab]"
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready-base $(INPUTS)
	@echo "Installing everything for developers (once) ..."
	@$(PIP) install -c constraints.txt -e ".[simulator,audio,lab,telemetry]" --group dev
	@touch $@

# Needs uv. Exact versions for every supported Python and system, without a registry's address.
constraints:
	uv pip compile --universal --no-header --no-annotate --no-emit-index-url --python-version 3.11 \
	  --extra simulator --extra audio --extra lab --extra telemetry --extra whisper --extra piper --extra simpleaudio --group dev --upgrade pyproject.toml -o constraints.txt

clean:
	rm -rf $(VENV) demo-output .pytest_cache .mypy_cache .ruff_cache .hypothesis
