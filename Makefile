# `make run` and `make test` need Python 3.11+ and nothing else: they make .venv and fill it from the locks.
PYTHON ?= python3
BIN := .venv/bin
LOCK := uv pip compile -q --generate-hashes --no-emit-index-url --no-header --universal --python-version 3.11

# A real API server for the cluster tests, of the release that go.mod names; needs the Go that go.mod asks for.
PLANE := tests/cluster/control_plane
KUBERNETES := $(shell awk '$$1 == "k8s.io/kubernetes" {print $$2}' $(PLANE)/go.mod)
STAMP := -X k8s.io/component-base/version.git
GO := GOTOOLCHAIN=local go

# Lambda's processor, arm64 or x86_64; the version of Python is that of PYTHON above.
LAMBDA_ARCH ?= arm64

# The page, and the tests of it: Node 20 or newer; for test-browser and bench-page also chromium.
PAGE := job/nodetally/dashboard/page
MODULES := dashboard/node_modules/.package-lock.json

.DEFAULT_GOAL := help
.PHONY: help run test coverage mutate torture fuzz test-past test-analytics test-aws test-cluster test-image page test-page test-browser bench-page page-picture lint bench bench-flames bench-parts bench-pressure bench-rollup bench-store bench-cluster bench-crossover bench-shards bench-lambda lambda-zip lock proto docs release-check clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

.venv/uv: requirements/setup.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes --no-deps -r requirements/setup.txt
	@touch $@

.venv/run: .venv/uv requirements/run.txt pyproject.toml
	$(BIN)/uv pip install -q --compile-bytecode --require-hashes --no-deps --python $(BIN)/python -r requirements/run.txt
	$(BIN)/uv pip install -q --no-build-isolation --no-deps --python $(BIN)/python -e .
	@touch $@

.venv/dev: .venv/uv requirements/dev.txt pyproject.toml
	$(BIN)/uv pip install -q --compile-bytecode --require-hashes --no-deps --python $(BIN)/python -r requirements/dev.txt
	$(BIN)/uv pip install -q --no-build-isolation --no-deps --python $(BIN)/python -e .
	@touch $@ .venv/run

run: .venv/run ## one pass over a simulated cluster into ./nodetally-data, and its table
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash scripts/demo.sh

test: .venv/dev ## the tests; under five minutes
	$(BIN)/python -m pytest -q -n auto --maxprocesses 4

.venv/fuzz: .venv/dev requirements/fuzz.txt
	$(BIN)/uv pip install -q --require-hashes --no-deps --python $(BIN)/python -r requirements/fuzz.txt || echo "No atheris for this machine."
	@touch $@

fuzz: .venv/fuzz ## hostile input, guided by coverage; FUZZ_SECONDS=600 a target, NAME=… for some
	PYTHONPATH=tests:tests/support $(BIN)/python -m fuzz

torture: .venv/dev ## passes killed, raced, denied their disk or their S3, and fed hostile input; ROUNDS=10 for longer, SEED=… again
	PYTHONPATH=tests:tests/support $(BIN)/python -m torture

.venv/mutate: .venv/dev requirements/mutate.txt
	$(BIN)/uv pip install -q --require-hashes --no-deps --python $(BIN)/python -r requirements/mutate.txt
	@touch $@

coverage: .venv/mutate ## which lines and branches the tests run where a wrong number would come from; 95 % or it fails; five minutes
	$(BIN)/python scripts/mutate.py --map
	$(BIN)/coverage report --show-missing --fail-under=95

mutate: .venv/mutate ## which small changes to the same modules no test notices; NAME=quantity for some, an hour for all
	@test -f .mutants/seconds.json || $(MAKE) --no-print-directory coverage
	$(BIN)/python scripts/mutate.py $(NAME)

test-past: .venv/dev ## a day recorded live and filled in from dumps, Velero and a real Prometheus; five minutes
	$(BIN)/python -m pytest -q -s tests/past

# DuckDB and PySpark (400 MB) are for these tests only; Spark 4 needs Java 17 or newer.
.venv/analytics: .venv/dev requirements/analytics.txt
	$(BIN)/uv pip install -q --require-hashes --no-deps --python $(BIN)/python -r requirements/analytics.txt
	@touch $@

test-analytics: .venv/analytics ## the queries of infra/analytics on DuckDB and on Spark, over a year of ten clusters; two minutes
	@command -v java >/dev/null || echo "The queries are not tested on Spark: there is no java."
	$(BIN)/python -m pytest -q tests/analytics

test-cluster: .venv/dev ## the tests on a real API server, where there is Go; it builds 10 minutes the first time
	@if why=$$(cd $(PLANE) && $(GO) list -m 2>&1); then \
		$(MAKE) --no-print-directory $(PLANE)/bin/built && $(BIN)/python -m pytest -q tests/cluster; \
	else \
		echo "The cluster tests did not run: they build an API server with Go, and: $$why"; test "$$CI" != true; \
	fi

test-image: .venv/dev ## the image, built and run without a container engine, where root may make namespaces (Linux)
	$(BIN)/uv pip install -q --require-hashes --no-deps --python $(BIN)/python -r requirements/image-test.txt
	$(BIN)/python -m pytest -q tests/image

$(PLANE)/bin/built: $(PLANE)/go.mod $(PLANE)/go.sum $(wildcard $(PLANE)/*/*.go)
	cd $(PLANE) && $(GO) build -o bin/ -trimpath -buildvcs=false -ldflags="-s -w $(STAMP)Version=$(KUBERNETES) \
		$(STAMP)Major=$(word 1,$(subst ., ,$(KUBERNETES:v%=%))) $(STAMP)Minor=$(word 2,$(subst ., ,$(KUBERNETES)))" ./...
	@touch $@

page: $(MODULES) ## build the page anew, where there is Node; the result is committed
	cd dashboard && npm run --silent build

test-page: ## the page's types, style and unit tests, and that what is committed is what its source gives
	@$(call needs,test-page,node npm); \
	$(MAKE) --no-print-directory $(MODULES) && (cd dashboard && npm run --silent check && npm test --silent) && \
	kept=$$(mktemp -d) && trap 'rm -rf "$$kept"' EXIT && cp -R $(PAGE)/. "$$kept" && \
	$(MAKE) --no-print-directory page && diff -rq "$$kept" $(PAGE) || \
	{ echo "The tests failed, or the committed page is not what dashboard/ gives: look above, run make page, commit $(PAGE)."; exit 1; }

test-browser: ## the page in a real Chromium, from an S3 server's bucket and from `dashboard serve`; NAME=… for some
	@$(call needs,test-browser,node npm chromium); \
	$(MAKE) --no-print-directory .venv/dev $(MODULES) && $(BIN)/python dashboard/browser/run.py test $(NAME)

bench-page: ## how fast the page is with 10 to 5,000 nodes, in a real Chromium: benchmarks/page.md
	@$(call needs,bench-page,node npm chromium); \
	$(MAKE) --no-print-directory .venv/dev $(MODULES) && $(BIN)/python dashboard/browser/run.py bench

page-picture: ## docs/dashboard/page.png anew: the page over simulated clusters, in a real Chromium
	@$(call needs,page-picture,node npm chromium); \
	$(MAKE) --no-print-directory .venv/dev $(MODULES) && $(BIN)/python dashboard/browser/run.py picture

# The first line of a recipe that ends well where a tool is missing, but for CI=true; Node must be 20 or newer.
needs = for tool in $(2); do command -v $$tool >/dev/null || { echo "$(1) did not run: there is no $$tool."; test "$$CI" != true; exit; }; done; \
	node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || { echo "$(1) did not run: Node 20 or newer is needed."; test "$$CI" != true; exit; }

$(MODULES): dashboard/package.json dashboard/package-lock.json
	cd dashboard && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

lint: .venv/dev ## ruff and mypy
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

.venv/bench: .venv/dev requirements/bench.txt
	$(BIN)/uv pip install -q --require-hashes --no-deps --python $(BIN)/python -r requirements/bench.txt
	@touch $@

bench: .venv/bench ## the budgets of a pass, each beside the limit and the alternatives measured in the same run; ten minutes
	$(BIN)/python benchmarks/bench.py

bench-flames: .venv/bench ## flame graphs of a cold and of a resumed pass
	$(BIN)/python benchmarks/flames.py

bench-parts: .venv/dev ## what each part of reading a pod and writing a document costs by itself
	$(BIN)/python benchmarks/parts.py

bench-pressure: .venv/dev ## passes under memory limits, over slow links, told 429, with a tenth of a processor
	$(BIN)/python benchmarks/pressure.py

bench-rollup: .venv/dev ## what a rollup of a day of 5,000 nodes x 1,440 slots costs; NODES=… SLOTS=… for less
	$(BIN)/python benchmarks/rollup.py

bench-shards: .venv/dev ## a long backfill as one process, and as several
	$(BIN)/python benchmarks/shards.py

bench-store: .venv/dev ## what a pass asks of its store as history, schedule and neighbours grow; two minutes
	$(BIN)/python benchmarks/store.py

bench-cluster: .venv/dev $(PLANE)/bin/built ## what a pass costs a real API server, and so a schedule; ten minutes
	$(BIN)/python benchmarks/cluster.py

bench-crossover: .venv/dev $(PLANE)/bin/built ## one list or many queries by node: what each costs a real API server
	$(BIN)/python benchmarks/crossover.py

.venv/aws: .venv/dev requirements/aws.txt
	$(BIN)/uv pip install -q --compile-bytecode --require-hashes --no-deps --python $(BIN)/python -r requirements/aws.txt
	@touch $@

test-aws: .venv/aws ## the function's zip run by itself; the CloudFormation templates read, and deployed in process
	$(BIN)/python -m pytest -q tests/aws

lambda-zip: .venv/run ## dist/nodetally-lambda-….zip for AWS Lambda; LAMBDA_ARCH=x86_64 for the other processor
	@version='import sys; print("%d.%d" % sys.version_info[:2])'; asked=$$($(PYTHON) -c "$$version") && made=$$($(BIN)/python -c "$$version") && \
	{ test "$(origin PYTHON)" = file || test "$$asked" = "$$made" || \
	{ echo "PYTHON is $$asked, but .venv was made with $$made, and so the zip would be: rm -rf .venv, then try again"; exit 1; }; }
	$(BIN)/python scripts/lambda_zip.py $(LAMBDA_ARCH) dist

bench-lambda: .venv/dev ## the function from a cold start to its first pass, and its size
	$(BIN)/python benchmarks/lambda_start.py

proto: .venv/dev ## generate what is generated: k8s_pb2.py, the JSON Schema, Athena's tables
	$(BIN)/python -m grpc_tools.protoc -Ijob --python_out=job --pyi_out=job nodetally/cluster/k8s.proto
	$(BIN)/python -m nodetally.snapshot
	$(BIN)/python -m nodetally.rollup.athena > infra/analytics/athena.sql

release-check: .venv/dev ## build wheel and sdist, install them where no source is, use them
	@bash scripts/release_check.sh

docs: .venv/dev ## write what docs/ says of options and of the format
	$(BIN)/python scripts/docs.py

lock: .venv/uv ## write the locks again; hashes, no addresses
	$(BIN)/$(LOCK) pyproject.toml -o requirements/run.txt
	$(BIN)/$(LOCK) pyproject.toml requirements/image.in --override requirements/image.over -c requirements/run.txt -o requirements/image.txt
	$(BIN)/$(LOCK) pyproject.toml --group dev -o requirements/dev.txt
	$(BIN)/$(LOCK) pyproject.toml --group dev --group aws -c requirements/dev.txt -o requirements/aws.txt
	$(BIN)/$(LOCK) requirements/lambda.in -c requirements/run.txt -o requirements/lambda.txt
	$(BIN)/$(LOCK) requirements/setup.in -o requirements/setup.txt
	$(BIN)/$(LOCK) requirements/image-test.in -c requirements/dev.txt -o requirements/image-test.txt
	$(BIN)/$(LOCK) requirements/node.in -o requirements/node.txt
	$(BIN)/$(LOCK) requirements/fuzz.in -o requirements/fuzz.txt
	$(BIN)/$(LOCK) requirements/analytics.in -o requirements/analytics.txt
	$(BIN)/$(LOCK) requirements/bench.in -o requirements/bench.txt
	$(BIN)/$(LOCK) requirements/mutate.in -c requirements/dev.txt -o requirements/mutate.txt

clean: ## remove what make and the tests left
	rm -rf .venv nodetally-data dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .mutants benchmarks/out $(PLANE)/bin dashboard/node_modules dashboard/.store dashboard/shots
