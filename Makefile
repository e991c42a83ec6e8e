# make PYTHON=.venv/bin/python check test regen
PYTHON ?= python3

.PHONY: check test regen
check:
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

test:
	$(PYTHON) -m pytest

regen:
	$(PYTHON) -m harness regen
