"""The folder of a case: a home, and beside it files that must not change."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from promptrec_tui.home import VARIABLE, Home


class BrokenError(Exception):
    """A guarantee was broken; the message says which, in one sentence."""


class SkippedError(Exception):
    """This machine cannot run the case; the message says why."""


@dataclass(frozen=True)
class Place:
    """A folder with the home in it, a user's own folder and a folder for temporary files."""

    folder: Path

    @property
    def home(self) -> Home:
        return Home(self.folder / "home")

    @property
    def user(self) -> Path:
        return self.folder / "user"

    @property
    def temporary(self) -> Path:
        return self.folder / "tmp"

    def create(self, stage: Path) -> "Place":
        """Make the folders; the home is a copy of the one in `stage`."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.user.mkdir(parents=True)
        self.temporary.mkdir()
        shutil.copytree(stage / "home", self.home.root)
        return self

    def environment(self) -> dict[str, str]:
        """The environment of all processes of a case. One thread: bits depend on the number of threads."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
        return {
            **kept,
            VARIABLE: str(self.home.root),
            "HOME": str(self.user),
            "TMPDIR": str(self.temporary),
            "OMP_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
        }

    def outside(self) -> list[str]:
        """Everything in this folder outside the home."""
        around = (self.user, self.temporary)
        return sorted(str(path.relative_to(self.folder)) for root in around for path in root.rglob("*"))


def remove(place: Place) -> None:
    """Delete the folder of a case."""
    shutil.rmtree(place.folder, ignore_errors=True)
