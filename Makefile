# Everything happens in ./.venv; nothing else on the machine is touched.
PY := .venv/bin/python
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.venv/ready: pyproject.toml constraints.txt
	test -x $(PY) || python3 -m venv .venv
	$(PY) -m pip install --quiet --editable '.[dev]'
	touch $@

demo: .venv/ready    ## a governed pipeline from start to report, on real servers
	$(PY) -m mandate demo

test: .venv/ready    ## every test, against real servers
	$(PY) -m pytest

check: .venv/ready   ## lint, layers, types
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/lint-imports
	.venv/bin/mypy

bench: .venv/ready   ## this engine against bare Temporal, in one run
	$(PY) -m bench

stress: .venv/ready  ## what takes minutes: workers struck again and again, a thousand stages,
                     ## searches at random 20 times as far (SEED=n repeats one)
	$(PY) -m pytest -m stress -s tests/stress
	MANDATE_SEARCH_FACTOR=20 $(PY) -m pytest tests/unit/boundaries --timeout 3600 $(if $(SEED),--hypothesis-seed=$(SEED))

.PHONY: demo test check bench stress
