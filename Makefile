# Two commands: `make demo` opens the app on the sample workspace, `make test` runs the whole suite.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test faults check clean

demo: .venv/ready
	$(BIN)/promptrec demo $(ARGS)

# Two files at a time, each process with one thread: the tests of runs wait for one another otherwise. In the
# order of their names: by number of tests, the files of one long test would come last and run alone. What
# fails beside others is tried once more by itself: on a busy machine a real process may come too late.
test: .venv/ready-test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(ARGS) || \
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --last-failed --last-failed-no-failures none

# Takes long; a second call goes on where the first was ended. Writes benchmarks/FAULTS.md.
faults: .venv/ready-test
	$(BIN)/python -m benchmarks.faults $(ARGS)

check: .venv/ready-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

clean:
	rm -rf .venv

.venv/bin/python:
	$(PYTHON) -m venv .venv

# A stamp file, so that a second call installs nothing.
.venv/ready: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --editable . --constraint constraints.txt
	touch $@

.venv/ready-test: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --editable '.[test]' --constraint constraints.txt
	touch $@ .venv/ready
