"""What every room's tests may use."""

import csv
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from promptrec_tui.home import VARIABLE, Home


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
