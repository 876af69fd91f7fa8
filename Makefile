# Every target sets up what it needs: uv into .tools/, the locked environment into .venv/, Java by wheel.
# The two to know: `make demo` and `make test`.

UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
RUN := $(UV) run --frozen
PYTEST := $(RUN) pytest
# Two processes, each a file at a time, in order: the long files come first and the short ones fill what is left.
AT_ONCE := -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: help setup demo test test-engines check check-infra soak format package clean bench-slice bench-stream bench-compaction bench-producers bench-scan
help:  ## List the targets.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: .venv/.ready  ## Install uv where it is missing, then the locked environment.

.tools/bin/uv:
	@echo "installing uv into .tools/"
	@python3 -m venv .tools
	@.tools/bin/python -m pip install --quiet 'uv>=0.9'

.venv/.ready: pyproject.toml uv.lock $(if $(filter .tools/bin/uv,$(UV)),.tools/bin/uv)
	@echo "installing the locked environment into .venv/ (about 1 GB, Java included; once)"
	@$(UV) sync --frozen --compile-bytecode
	@$(RUN) python -m batch_compaction.compile_cache
	@touch $@

demo: setup  ## The whole pipeline on this machine: events in, alerts and tables out, reconciled.
	@$(RUN) clickstream demo $(ARGS)

test: setup  ## Every test: one small instance of each fault and claim.
	@$(PYTEST) $(AT_ONCE) $(ARGS)

test-engines: setup  ## The tests on real engines: Trino, which is fetched once (900 MB), and dbt on it; ARGS="..." picks.
	@$(RUN) --group engines clickstream trino fetch
	@CLICKSTREAM_TEST_ENGINES=1 $(RUN) --group engines pytest $(or $(ARGS),tests/engines)

check: setup  ## The quick subset for every commit: lint, types, unit, property and contract tests.
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) mypy
	@$(PYTEST) tests/unit tests/property tests/contract

check-infra: setup  ## Every module and environment of the Terraform, no account needed; ARGS="lake envs/dev" picks some.
	@$(RUN) python -m infra.checks $(ARGS)

soak: setup  ## The long runs behind the guarantees, resumable; CASES="..." picks some; ends with a verdict.
	@$(RUN) python -m bench.soak $(CASES)

bench-slice: setup  ## Events per second of each leg of the demo; ends with one line of JSON.
	@$(RUN) python -m bench.slice $(ARGS)

bench-stream: setup  ## Rate and latency of the alert job beside baselines; ARGS="--only decode" picks parts.
	@$(RUN) python -m bench.stream $(ARGS)

bench-compaction: setup  ## Cost of the compaction beside DuckDB and PySpark; ARGS="--only growth" picks parts.
	@$(RUN) --group engines python -m bench.compaction $(ARGS)

bench-producers: setup  ## Cost and rate of the producers beside a plain one; ARGS="--only kpl,cpu" picks parts.
	@$(RUN) python -m bench.producers $(ARGS)

bench-scan: setup  ## Bytes that each question of the cookbook reads, on Trino, beside SELECT * over raw JSON.
	@$(RUN) clickstream trino fetch
	@$(RUN) python -m bench.scan $(ARGS)

format: setup  ## Format the code.
	@$(RUN) ruff format .
	@$(RUN) ruff check --fix .

package: setup  ## Build what is deployed into dist/, with a manifest; CONNECTOR_JAR=... puts in the connector, PARTS=... picks.
	@$(RUN) python -m infra.artifacts --out dist $(if $(CONNECTOR_JAR),--connector-jar '$(CONNECTOR_JAR)') \
		$(foreach part,$(PARTS),--part $(part))

clean:  ## Stop the local stack and remove what the targets made.
	@if [ -x .venv/bin/clickstream ]; then $(RUN) clickstream down; fi
	@rm -rf .clickstream .venv .tools dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
