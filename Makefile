# README's two commands: `make run` and `make test`. Both set up what they need.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Recordings are replayed; nothing here may go out or fetch price lists.
export LITELLM_OFFLINE_MODE = true
export LITELLM_LOCAL_MODEL_COST_MAP = True
export HF_HUB_OFFLINE = 1
export AWS_EC2_METADATA_DISABLED = true
# Images of Python often set it: each of the many processes here would compile every module again.
export PYTHONDONTWRITEBYTECODE =

NODE_PACKAGES ?= $(HOME)/.cache/toolcall-harness/node

.PHONY: run test test-slow test-nightly test-scale lint record-local lock clean node-packages test-node frameworks \
	test-frameworks bench-server bench-everyday test-neighbours litellm-versions

run: $(VENV)/.installed
	$(BIN)/harness run suites

# Three on two cores: while a test waits for a program or a socket of its own, another one works.
test: $(VENV)/.installed
	$(BIN)/python -m pytest -q -n 3 --dist worksteal --durations=10 -m "not slow and not frameworks and not neighbours"

test-slow: $(VENV)/.installed
	$(BIN)/python -m pytest -q -m slow

# The same tests with other drawn examples: whatever breaks is printed with the decorator that draws it again.
test-nightly: $(VENV)/.installed
	$(BIN)/python -m pytest -q -n 2 --dist worksteal --hypothesis-profile=nightly -m "not slow and not frameworks and not neighbours"

# A Ray cluster of several nodes and an S3 server on this machine; brings what they need.
test-scale: $(VENV)/.installed
	$(BIN)/pip install -q "ray>=2.55" "fsspec>=2026.1" "s3fs>=2026.1" "moto[server]>=5.2"
	$(BIN)/python -m pytest -q tests/cassette/test_remote.py
	$(BIN)/python -m pytest -q -m scale tests/engine/workers

# Outside the repository, and no lock file: what the tests ask is whether today's clients understand the server.
node-packages:
	mkdir -p $(NODE_PACKAGES)
	npm install --prefix $(NODE_PACKAGES) --no-package-lock --no-audit --no-fund --silent openai @anthropic-ai/sdk @copilotkit/aimock

test-node: $(VENV)/.installed node-packages
	HARNESS_NODE_PACKAGES=$(NODE_PACKAGES) $(BIN)/python -m pytest -q tests/server/test_node.py

# An environment for each agent framework, some 5 GB in all; quicker with uv on the PATH.
frameworks: $(VENV)/.installed
	$(BIN)/python tests/frameworks/environments.py

test-frameworks: frameworks
	$(BIN)/python -m pytest -q -m frameworks tests/frameworks tests/mcp

# What most people feel: 300 tests with a cassette each, beside vcrpy with pytest-recording.
bench-everyday: $(VENV)/.installed
	$(BIN)/pip install -q --no-deps --upgrade --target $(VENV)/peers pytest-recording
	PYTHONPATH=$(abspath $(VENV)/peers) $(BIN)/python benchmarks/everyday.py

# Other people's pytest plugins beside ours, in environments that the tests make.
test-neighbours: $(VENV)/.installed
	$(BIN)/python -m pytest -q -m neighbours

# Suites, laws and the committed card under each litellm that is declared proven: the table of docs/litellm-versions.md.
litellm-versions: $(VENV)/.installed
	$(BIN)/python benchmarks/litellm_versions.py

bench-server: $(VENV)/.installed node-packages
	HARNESS_NODE_PACKAGES=$(NODE_PACKAGES) $(BIN)/python benchmarks/server.py

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

record-local: $(VENV)/.installed
	$(BIN)/pip install -q xllamacpp==0.2.12
	$(BIN)/harness record suites --local --model "*smollm2-135m"

$(VENV)/.installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --no-deps --require-hashes -r requirements.lock
	$(BIN)/pip install -q --no-deps --no-build-isolation -e .
	touch $@

# Needs uv; the lock names no package host.
lock:
	uv pip compile pyproject.toml requirements.in --extra dev --generate-hashes --no-emit-index-url --no-header --universal -q -o requirements.lock

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache
