"""What every room's tests may use."""

import csv
import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import settings

from promptrec_tui.home import VARIABLE, Home
from promptrec_tui.runs.supervisor import CPU_NICENESS, lower_autogroup
from tests.terminal import Terminal


def pytest_configure(config: pytest.Config) -> None:
    """Give each worker of xdist a session of its own that gives way as those of trainers do.

    Beside a busy session of full weight the runs that tests wait for would hardly get on.
    """
    if hasattr(config, "workerinput"):
        with suppress(OSError):
            os.setsid()
            lower_autogroup(CPU_NICENESS)


pytest_plugins = ["tests.reaper"]

# Its deadlines are of wall time, and a busy machine takes long.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(autouse=True)
def temporary_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening a home moves them into it, for the process: here, for one test."""
    monkeypatch.setenv("TMPDIR", tempfile.gettempdir())


@pytest.fixture(autouse=True)
def small_reserve(monkeypatch: pytest.MonkeyPatch) -> None:
    """A home of a test needs no 32 MB."""
    monkeypatch.setattr("promptrec_tui.store.disk_reserve.SIZE", 1 << 16)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """An empty home of the test's own; commands and child processes find it too."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "home"))
    return Home(tmp_path / "home").create()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """`write_shop` in the test's own folder."""
    return write_shop(tmp_path)


@pytest.fixture(scope="session")
def make_shop() -> Callable[[Path], Path]:
    """`write_shop`, for fixtures that last longer than a test."""
    return write_shop


def write_shop(place: Path) -> Path:
    """A small simulated shop: events.csv (30 users with 6 to 12 events) and items.csv (24 items)."""
    random_ = random.Random(7)
    folder = place / "shop"
    folder.mkdir()
    items = [(f"{number:03d}", f"Thing {chr(65 + number)} {number}") for number in range(24)]
    with open(folder / "items.csv", "w", newline="") as file:
        csv.writer(file).writerows([("item_id", "title", "kind"), *((*item, "tool") for item in items)])
    with open(folder / "events.csv", "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(("user_id", "item_id", "rating", "timestamp"))
        for user in range(30):
            start, length = random_.randrange(24), random_.randrange(6, 13)
            for step in range(length):
                key = items[(start + step) % 24][0]
                out.writerow((f"u{user:02d}", key, random_.choice((3, 4, 5)), 1_000_000 + user * 1000 + step))
    return folder


REDIRECT = """
import sys
from importlib.util import spec_from_file_location

class Stub:
    def find_spec(self, name, path=None, target=None):
        if name == "promptrec_tui.tuning.recipe":
            return spec_from_file_location(name, __file__.replace("sitecustomize", "recipe"))

sys.meta_path.insert(0, Stub())
"""
LIBRARIES = ("torch", "transformers", "peft")
"""What a trainer imports before its recipe, and a stub does not need."""


@pytest.fixture
def stub_recipe(tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Have `tuning.recipe` in every process started from here replaced by a program that needs no torch.

    Dispatcher, supervisor and trainer are the real ones; `fine_tune(folder, device, journal, desk)` is not.
    """

    def put(program: str) -> None:
        place = tmp_path / "plug"
        place.mkdir()
        (place / "sitecustomize.py").write_text(REDIRECT)
        (place / "recipe.py").write_text(program)
        for library in LIBRARIES:
            (place / f"{library}.py").touch()
        monkeypatch.setenv("PYTHONPATH", str(place), prepend=os.pathsep)
        monkeypatch.setenv(VARIABLE, str(home.root))

    return put


OpenTerminal = Callable[..., Terminal]


@pytest.fixture
def open_terminal() -> Iterator[OpenTerminal]:
    """Start `promptrec ARGUMENTS…` at a terminal, perhaps `through` another command.

    What still lives at the end is killed.
    """
    opened: list[Terminal] = []

    def start(
        *arguments: str,
        home: Home,
        size: tuple[int, int] = (80, 24),
        environment: Mapping[str, str] = {},
        through: Sequence[str] = (),
    ) -> Terminal:
        command = [*through, sys.executable, "-m", "promptrec_tui", *arguments]
        opened.append(Terminal(command, size, {VARIABLE: str(home.root), **environment}))
        return opened[-1]

    yield start
    for terminal in opened:
        with suppress(OSError):
            terminal.close()
