# Everything runs in a virtual environment of its own; nothing else is needed on the machine but Python 3.11+.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
GENERATORS := $(VENV)/generators
PEERS := $(VENV)/peers
OUT ?= out

ASSETS ?= assets

.PHONY: demo test check image-test unit faults soak bench-peers format schemas screenshots train clean

# What the tests' environment has, the demo has too.
demo: $(or $(wildcard $(VENV)/installed),$(VENV)/installed-all)
	@$(BIN)/likeness demo --out $(OUT) $(if $(REFERENCES),--references $(REFERENCES))

test: check $(GENERATORS)/installed
	$(BIN)/pytest --numprocesses 2

check: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/hadolint Dockerfile.gpu

# Builds the images with buildah and runs them with podman: as root, with the Debian packages that it names. VOLUMES is
# what of this machine the builds see, such as a package index: VOLUMES="/opt/wheels:/opt/wheels:ro".
VOLUMES ?=
image-test: $(VENV)/installed
	$(BIN)/python -u -m tests.image.run $(foreach volume,$(VOLUMES),--volume $(volume))

# The unit tests alone: less than two minutes on two quiet cores.
unit: $(VENV)/installed
	$(BIN)/pytest --numprocesses 2 tests/unit

# The long form of what tests/e2e/faults does in `make test`: ten minutes of two cores. A seed plays its faults again.
SEED ?= $(shell shuf -i 1-999999 -n 1)
SEED := $(SEED)
faults: $(VENV)/installed
	$(BIN)/python -m tests.e2e.faults.run --seed $(SEED)
	$(BIN)/python -m tests.e2e.faults.takeover --seed $(SEED)
	$(BIN)/python -m tests.e2e.faults.failover

# Whether a worker's memory and descriptors stay flat over half an hour.
soak: $(VENV)/installed
	$(BIN)/python -m bench.soak --minutes 30

# This worker beside cog, LitServe, Celery and runpod's SDK: ten minutes of an otherwise idle machine. It goes on where
# it stopped; `rm out/peers.json` to begin anew.
bench-peers: $(VENV)/installed $(PEERS)/installed
	$(BIN)/python -m bench.peers

format: $(VENV)/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schemas: $(VENV)/installed $(GENERATORS)/installed
	$(BIN)/python -m models.schemas
	$(BIN)/python -m tests.support.generators.tools

# The pictures of the page in docs/page/, by Chromium.
screenshots: $(VENV)/installed
	$(BIN)/python -m tests.e2e.page.screenshots docs/page

# The weights of the profile `embedded`: a day on two cores. ASSETS is the folder with MakeHuman's assets.
train: $(VENV)/installed
	$(BIN)/python -m training.all --assets $(ASSETS)

# What runs, without what tests it. It is about 1.9 GB with the CPU build of torch.
$(VENV)/installed-all: pyproject.toml constraints.txt
	@echo "Installing Likeness into $(VENV): once, some minutes, 2 GB of disk (more with the CUDA build of torch)."
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[all]'
	touch $@

$(VENV)/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

# What generates clients from the OpenAPI document, for tests and for client/ts.
$(GENERATORS)/installed: tests/support/generators/requirements.txt client/ts/package-lock.json | $(VENV)/installed
	$(BIN)/python -m venv --without-pip $(GENERATORS)
	$(BIN)/python -m pip --python $(GENERATORS)/bin/python install --quiet --no-compile \
		--requirement tests/support/generators/requirements.txt
	cd client/ts && PATH="$(abspath $(GENERATORS)/bin):$$PATH" npm ci --ignore-scripts --no-audit --no-fund
	touch $@

# What bench.peers measures beside this worker.
$(PEERS)/installed: bench/peers/requirements.txt | $(VENV)/installed
	$(BIN)/python -m venv --without-pip $(PEERS)
	$(BIN)/python -m pip --python $(PEERS)/bin/python install --quiet --no-compile --requirement $<
	touch $@

clean:
	rm -rf $(VENV) $(OUT) client/ts/node_modules client/ts/dist
