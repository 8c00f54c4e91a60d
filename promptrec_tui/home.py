"""Where everything lies: one private folder."""

import os
from dataclasses import dataclass
from pathlib import Path

from promptrec_tui.errors import UserError

VARIABLE = "PROMPTREC_HOME"


@dataclass(frozen=True)
class Home:
    """The home folder and the places in it."""

    root: Path

    @property
    def database(self) -> Path:
        return self.root / "promptrec.db"

    @property
    def datasets(self) -> Path:
        return self.root / "datasets"

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def slots(self) -> Path:
        return self.root / "slots"

    @property
    def backups(self) -> Path:
        return self.root / "backups"

    @property
    def session(self) -> Path:
        """What the app remembers between two starts."""
        return self.root / "session.json"

    def create(self) -> "Home":
        """Make the folders, private to their owner, and keep new files private too.

        Raises UserError when the place cannot be written.
        """
        os.umask(0o077)
        try:
            for folder in (self.root, self.datasets, self.models, self.runs, self.slots, self.backups):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"Cannot make the home folder {self.root}: {error.strerror}. "
                f"Set {VARIABLE} to a folder you may write."
            ) from None
        return self


def find_home(name: str | None = None) -> Home:
    """`$PROMPTREC_HOME`, else the platform's user data folder; `name` picks a sibling such as "demo"."""
    if given := os.environ.get(VARIABLE):
        return Home(Path(given).expanduser().absolute())
    import platformdirs

    folder = platformdirs.user_data_path("promptrec")
    return Home(folder / name if name else folder / "home")
