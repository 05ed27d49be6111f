# Two commands: `make demo` and `make test`. Both set up everything they need first.
# Needs python3 (3.11 or later), make and, for the tests, git.

PYTHON ?= python3
VENV   := .venv
UV     := $(VENV)/tools/bin/uv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.synced

# Three rounds: tests that compute; tests of processes and sockets, which wait for most of their time, so five at a time,
# and must bear neighbours (a file stays with one worker, for what it shares is dear); benchmarks, one by one with the
# machine to itself.
PURE   := tests/unit tests/plant
BENCH  := tests/benchmarks
LIVE   := $(filter-out $(PURE) $(BENCH) %__pycache__,$(patsubst %/,%,$(wildcard tests/*/)))
BESIDE := -p no:benchmark

# The kernels are compiled once, on the first run after installation; their cache lies beside the sources.
export UV_PROJECT_ENVIRONMENT := $(VENV)
export UV_PYTHON_DOWNLOADS := never
# Without compiled modules every start of `hil` would take seconds.
export UV_COMPILE_BYTECODE := 1
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test setup setup-test lint clean

demo: setup
	$(BIN)/hil demo

# The kernels are compiled beside what only reads.
test: setup setup-test
	@$(BIN)/python .ci/kernels & kernels=$$!; $(MAKE) -s lint && wait $$kernels
	$(BIN)/pytest $(BESIDE) -n 2 $(PURE)
	.ci/again $(BIN)/pytest $(LIVE) -- $(BESIDE) -n 5 --dist loadfile
	.ci/again $(BIN)/pytest $(BENCH) --
	@.ci/pythons $(UV) $(VENV)

setup: $(STAMP)

$(UV):
	@.ci/venv "$(PYTHON)" "$(VENV)"

$(STAMP): $(UV) uv.lock pyproject.toml
	$(UV) sync --frozen --quiet
	$(BIN)/python -c "from plant_models import CduPlant; CduPlant.from_datasheet('deschutes_2mw')"
	@touch $@

# Compiler, libmodbus, broker, serial pair, browser: by apt where missing and permitted; else the tests say what to install.
setup-test: setup
	@.ci/apt

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check --quiet
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf $(VENV) runs .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
	$(MAKE) -s -C firmware_stubs clean
