"""Where everything lies: one private folder."""

import grp
import os
import pwd
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from promptrec_tui.errors import UserError

VARIABLE = "PROMPTREC_HOME"

LONGEST = 400
"""Bytes of the home's path: SQLite opens no file whose path has more than 512, journals included."""


@dataclass(frozen=True)
class Home:
    """The home folder and the places in it."""

    root: Path

    @property
    def database(self) -> Path:
        return self.root / "promptrec.db"

    @property
    def app_lock(self) -> Path:
        """Shared by every program that has the catalogue open."""
        return self.root / "app.lock"

    @property
    def rebuilding(self) -> Path:
        """Exists while the catalogue is rebuilt, locked by the process that rebuilds it."""
        return self.root / "rebuilding"

    @property
    def disk_reserve(self) -> Path:
        """Room for the catalogue on a full disk."""
        return self.root / "ballast"

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

    @property
    def last_list(self) -> Path:
        """The rows of the list of runs as they were last shown, for the first frame of the app."""
        return self.root / "last_list.json"

    @property
    def clipboard(self) -> Path:
        """What was copied last in the app."""
        return self.root / "clipboard.txt"

    @property
    def exports(self) -> Path:
        """Tables, charts and configs that were exported from the app."""
        return self.root / "exports"

    @property
    def crashes(self) -> Path:
        """Reports of unexpected ends of the app."""
        return self.root / "crashes"

    @property
    def preferences(self) -> Path:
        """Other keys for the app, and other things that a person prefers."""
        return self.root / "preferences.toml"

    @property
    def pseudonym_key(self) -> Path:
        """The secret of pseudonymous user keys, made when it is first needed."""
        return self.root / "pseudonym.key"

    @property
    def temporary(self) -> Path:
        """What processes need for a moment only."""
        return self.root / "tmp"

    def create(self) -> "Home":
        """Make the folders, private to their owner, and keep new files private too, temporary ones as well.

        Raises UserError when the place cannot be written, belongs to somebody else, is a folder of something
        else that others may look into, or has too long a path.
        """
        os.umask(0o077)
        inner = (*self._folders, self.temporary)
        try:
            self._check_length()
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._claim()
            for folder in inner:
                folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"Cannot make the home folder {_short(self.root)}: {error.strerror}. "
                f"Set {VARIABLE} to a folder you may write."
            ) from None
        os.environ["TMPDIR"] = str(self.temporary)
        return self

    @property
    def _folders(self) -> tuple[Path, ...]:
        """What makes a folder recognisable as a home, all of them together."""
        return self.datasets, self.models, self.runs, self.slots, self.backups

    def _check_length(self) -> None:
        length = len(os.fsencode(os.path.realpath(self.root)))
        if length > LONGEST:
            raise UserError(
                f"The path of the home folder is too long ({length:,} bytes, at most {LONGEST}): "
                f"set {VARIABLE} to a shorter one. It begins {_short(self.root)}"
            )

    def _claim(self) -> None:
        """Refuse the home of another user, or behind another user's link; shut others out of one's own.

        The mode is changed of an earlier home and of an empty folder only. A folder with other content may
        be shared: it is used as it stands when it is private, and refused when it is not.
        """
        owner, me = self.root.stat().st_uid, os.geteuid()
        if owner != me or self.root.lstat().st_uid not in (0, me):
            raise UserError(
                f"The home folder {self.root} belongs to another user: "
                f"set {VARIABLE} to a folder of your own."
            )
        if not is_open(self.root):
            return
        if any(self.root.iterdir()) and not self._is_earlier():
            raise UserError(
                f"{self.root} is no home of promptrec, and others may look into it, so it stays as it is: "
                f"set {VARIABLE} to a new folder, for example {self.root / 'promptrec'}."
            )
        # Some file systems have no modes; `doctor` reports it.
        with suppress(PermissionError):
            self.root.chmod(0o700)

    def _is_earlier(self) -> bool:
        return self.database.is_file() or all(folder.is_dir() for folder in self._folders)


def _short(path: Path) -> str:
    text = str(path)
    return text if len(text) <= 200 else f"{text[:200]}..."


def is_open(folder: Path) -> bool:
    """May anybody but its owner look into `folder`?"""
    return bool(stat.S_IMODE(folder.stat().st_mode) & 0o077)


def exposed_at(folder: Path) -> Path | None:
    """The nearest folder above `folder` in which other users may put another in its place, if there is one.

    What ssh asks of the folders above its keys: they belong to root or to oneself, and nobody else writes
    into them, unless a sticky bit keeps each to his own. A group of one's own counts as oneself.
    """
    for parent in folder.resolve().parents:
        facts = parent.stat()
        open_to_group = facts.st_mode & stat.S_IWGRP and not _is_own_group(facts.st_gid)
        writable = open_to_group or facts.st_mode & stat.S_IWOTH
        if facts.st_uid not in (0, os.geteuid()) or (writable and not facts.st_mode & stat.S_ISVTX):
            return parent
    return None


def _is_own_group(number: int) -> bool:
    try:
        group, user = grp.getgrgid(number), pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return False
    return group.gr_name == user and set(group.gr_mem) <= {user}


def find_home(name: str | None = None) -> Home:
    """`$PROMPTREC_HOME`, else the platform's user data folder; `name` picks a sibling such as "demo".

    Raises UserError when there is no telling where that is.
    """
    given = os.environ.get(VARIABLE)
    try:
        if given:
            return Home(Path(given).expanduser().absolute())
        import platformdirs

        folder = platformdirs.user_data_path("promptrec").absolute()
    except RuntimeError:
        unknown = f"{VARIABLE} is {given}, but there is no such user" if given else "Your home is not known"
        raise UserError(f"{unknown}: set {VARIABLE} to the full path of a folder.") from None
    except OSError as error:
        raise UserError(
            f"The present folder is gone ({error.strerror}): go to another, "
            f"or set {VARIABLE} to the full path of a folder."
        ) from None
    return Home(folder / name if name else folder / "home")
