"""A home, and runs in it."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from promptrec_tui.home import Home
from promptrec_tui.runs.folder import RunFolder, create_run
from promptrec_tui.runs.spec import DatasetRef, ModelRef, RunSpec, Settings, TemplateRef
from tests import waiting

MakeRun = Callable[[str], RunFolder]


def spec_of(run_id: str) -> RunSpec:
    return RunSpec(
        id=run_id,
        name=f"run {run_id}",
        created="2026-11-24T03:45:00+00:00",
        task="next_item",
        dataset=DatasetRef(id="d1", name="films", file="datasets/d1.sqlite", sha256="0" * 64),
        template=TemplateRef(
            id="t1",
            name="list",
            version=1,
            task="next_item",
            language="zh",
            prompt="如果你喜欢《{{ history[0].title }}》",
            completion="{{ item.title }}",
            end_token=None,
            sha256="1" * 64,
        ),
        model=ModelRef(
            id="m1", name="tiny", folder="/models/tiny", sha256="2" * 64, family="qwen", model_type="qwen3"
        ),
        settings=Settings(),
        versions={"python": "3.11"},
        machine={"cores": 2},
    )


@pytest.fixture
def make_spec() -> Callable[[str], RunSpec]:
    return spec_of


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").create()


@pytest.fixture
def make_run(home: Home) -> MakeRun:
    return lambda run_id: create_run(home, spec_of(run_id))


@pytest.fixture
def run(make_run: MakeRun) -> RunFolder:
    return make_run("r1")


@pytest.fixture
def python() -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Start `python -c PROGRAM ARGUMENT…`; what still lives at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(program: str, *arguments: object) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", program, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def wait_for() -> Callable[[Callable[[], object]], None]:
    return waiting.wait_for
