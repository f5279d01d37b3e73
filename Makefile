# Everything happens in ./.venv and ./.tools; nothing else on the machine is touched.
PY := .venv/bin/python
VENV := sh .ci/venv
INSTALL := sh .ci/uv pip install --python

.tools/uv/ready:
	python3 -m venv .tools/uv
	.tools/uv/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	touch $@

.venv/ready: pyproject.toml constraints.txt | .tools/uv/ready
	test -x $(PY) || $(VENV) .venv --seed
	$(INSTALL) $(PY) --compile-bytecode --constraint constraints.txt --build-constraint constraints.txt \
	  --editable '.[dev]'
	touch $@

demo: .venv/ready    ## a governed pipeline from start to report, on real servers
	$(PY) -m mandate demo

# A program that agents call and nothing imports: it has an environment of its own.
.tools/ansible/ready: | .tools/uv/ready
	$(VENV) --clear $(@D)
	$(INSTALL) $(@D) ansible-core==2.19.14
	touch $@

# Workers that are not ours, on other SDKs of Temporal: without npm their tests are left out, by name.
.tools/temporal-typescript/ready:
	mkdir -p $(@D)
	npm install --prefix $(@D) --no-save --no-audit --no-fund --loglevel error \
	  @temporalio/worker@1.24.0 @temporalio/activity@1.24.0
	touch $@

.tools/pydantic-ai/ready: | .tools/uv/ready
	$(VENV) --clear $(@D)
	$(INSTALL) $(@D) 'pydantic-ai-slim[temporal]==2.68.0'
	touch $@

# Tool servers that others have written, as they are: the one of SQLite needs the SDK before the last.
# Compiled, as the frameworks: in their sandbox nothing is written, and each start would compile them.
.tools/mcp/ready: | .tools/uv/ready
	for each in mcp mcp-sqlite; do $(VENV) --clear .tools/$$each || exit 1; done
	$(INSTALL) .tools/mcp --compile-bytecode \
	  mcp==2.3.0 mcp-server-git==2026.10.19 mcp-server-time==2026.10.19
	$(INSTALL) .tools/mcp-sqlite --compile-bytecode mcp==1.30.0 mcp-server-sqlite==2025.4.25
	touch $@

# Frameworks of agents that call tools over MCP, as they are.
.tools/frameworks/ready: | .tools/uv/ready
	$(VENV) --clear $(@D)
	$(INSTALL) $(@D) --compile-bytecode \
	  openai-agents==0.24.0 'pydantic-ai-slim[mcp,openai]==2.68.0'
	touch $@

# A server that speaks the protocol of S3 and knows Object Lock: tests keep a ledger's anchor there.
.tools/moto/ready: | .tools/uv/ready
	$(VENV) --clear $(@D)
	$(INSTALL) $(@D) 'moto[s3]==5.2.5' flask==3.1.3 flask-cors==6.0.5
	touch $@

# Like ansible: a program that agents call. It needs nothing from the network, once it is here.
.tools/semgrep/ready: | .tools/uv/ready
	$(VENV) --clear $(@D)
	$(INSTALL) $(@D) semgrep==1.185.0
	touch $@

# Where agents in TypeScript are looked for, those of chaos experiments too.
.venv/bun/ready: | .venv/ready
	npm install --prefix $(@D) --no-save --no-audit --no-fund --loglevel error bun@1.4.5
	touch $@

tools: .tools/ansible/ready .tools/semgrep/ready .tools/pydantic-ai/ready .tools/mcp/ready .tools/frameworks/ready .tools/moto/ready $(if $(shell command -v npm),.tools/temporal-typescript/ready .venv/bun/ready)  ## what tests of the shipped agents call, where the machine lacks it

# How many processes share the tests, file by file, each with servers of its own. Three on two cores:
# a quarter less time than two, since a test that waits leaves its core to another.
# A process that dies ends the run: what was left of its file would be waited for without end.
JOBS ?= 3
SHARED = -n $(JOBS) --dist loadfile --no-loadscope-reorder --max-worker-restart 0 --durations 20
# What is imported is compiled once and not by each of the thousand processes that tests start,
# whatever the machine's own setting says.
test test-fast: export PYTHONDONTWRITEBYTECODE :=
test: .venv/ready tools  ## every test, against real servers
	$(PY) -m pytest $(SHARED)

FAST := tests/unit tests/replay tests/architecture tests/docs/test_blocks.py tests/docs/test_facts.py
# These compute and do not wait: a third process on two cores would only collect them once more.
test-fast: JOBS := 2
test-fast: .venv/ready  ## what needs no servers, in about a minute
	$(PY) -m pytest $(FAST) --no-servers $(SHARED)

check: .venv/ready   ## lint, layers, types
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/lint-imports
	.venv/bin/mypy

review: .venv/ready  ## our own review of ourselves: nothing new may be bad (docs/review.md)
	$(PY) -m mandate review . --fail-on high --baseline .ci/review-baseline.json

# PART=load runs one part alone; `make bench-full` has the same parts, and takes a quarter of an hour.
bench: .venv/ready   ## this engine against bare Temporal, in one run of six minutes
	$(PY) -m bench $(if $(PART),--only $(PART))

bench-full: .venv/ready  ## ... with 10,000 parked runs, 1,000 stages side by side, 20 revocations
	$(PY) -m bench --full $(if $(PART),--only $(PART))

# FACTOR: how many times as far as in `make test`; SEED repeats a run; ONLY=... narrows it down.
FACTOR ?= 20
SEED ?= $(shell date +%s)
ONLY ?= tests
stress: SEED := $(SEED)
stress: .venv/ready  ## what takes long: workers struck again and again, wide plans, far searches
	@echo "seed $(SEED): \`make stress SEED=$(SEED)\` repeats it"
	MANDATE_SEARCH_FACTOR=$(FACTOR) MANDATE_SEARCH_SEED=$(SEED) $(PY) -m pytest $(ONLY) \
	  -m "stress or hypothesis" -s --timeout 3600 -o faulthandler_timeout=0 --hypothesis-seed=$(SEED)

RUNS ?= 500
MINUTES ?= 60
chaos: .venv/ready   ## experiments of chaos, drawn by SEED: three minutes of them
	$(PY) -m mandate chaos search --runs 60 --minutes 3 --seed $(SEED) --page chaos.html

chaos-night: .venv/ready  ## ... RUNS of them in MINUTES, with the table of docs/chaos.md made anew
	$(PY) -m mandate chaos search --runs $(RUNS) --minutes $(MINUTES) --seed $(SEED) \
	  --page chaos.html --journal chaos.jsonl --table docs/chaos.md

.PHONY: demo tools test test-fast check review bench bench-full stress chaos chaos-night
