"""What is imported: a table of interactions and, where there is one, a table of items."""

from dataclasses import dataclass
from pathlib import Path

from promptrec_tui.datasets.movielens import movielens_tables
from promptrec_tui.datasets.tables import Table, quoted, read_table, shown_name
from promptrec_tui.errors import UserError
from promptrec_tui.text import clean

FORMATS = ("movielens", "csv")


@dataclass(frozen=True)
class Source:
    """The tables behind one import, in a format of FORMATS."""

    format: str
    interactions: Table
    items: Table | None

    @property
    def tables(self) -> dict[str, Table]:
        """The tables by what they hold, in the order in which a person names them."""
        return {"interactions": self.interactions} | ({"items": self.items} if self.items else {})


def open_source(path: Path, format: str, items: Path | None) -> Source:
    """The source at `path`; the format "auto" takes a folder for MovieLens and a file for CSV or TSV.

    Raises UserError when the format is unknown, or path and format do not go together.
    """
    if format not in ("auto", *FORMATS):
        raise UserError(f"The format {quoted(format)} is not known. Formats: auto, {', '.join(FORMATS)}.")
    path, folder = _find(path)
    if format == "movielens" or (format == "auto" and folder):
        if not folder:
            raise UserError(f"{shown_name(path)} is a file. For the format movielens give its folder.")
        if items:
            raise UserError("A MovieLens folder brings its own items. Leave out --items.")
        return Source("movielens", *movielens_tables(path))
    return Source("csv", _table(path, "interactions"), _table(items, "items") if items else None)


def _table(path: Path, content: str) -> Table:
    path, folder = _find(path)
    if folder:
        raise UserError(f"{shown_name(path)} is a folder. Give the CSV or TSV file that holds the {content}.")
    return read_table(path)


def _find(path: Path) -> tuple[Path, bool]:
    """The path with `~` resolved, and whether it is a folder; pipes and devices are refused."""
    try:
        path = path.expanduser()
        if path.is_dir() or path.is_file():
            return path, path.is_dir()
    except (OSError, RuntimeError) as error:
        raise UserError(f"Cannot open {quoted(str(path))}: {error}. Check path and rights.") from None
    raise UserError(f"There is no file or folder {clean(str(path))}. Check the path.")
