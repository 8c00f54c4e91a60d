"""RecBole's atomic files: tab-separated, with typed names such as `user_id:token` in the first line."""

from pathlib import Path

from promptrec_tui.datasets.delimited import Delimited, check_columns, empty_file
from promptrec_tui.datasets.encodings import mark_note, read_lines
from promptrec_tui.datasets.faults import located, quoted, shown_name
from promptrec_tui.errors import UserError

TYPES = ("token", "token_seq", "float", "float_seq")
SUFFIX = ".inter"


def is_typed(header: str) -> bool:
    """Are all names of this first line typed?"""
    names = header.rstrip("\r\n").split("\t")
    return all(name.partition(":")[2] in TYPES for name in names)


def read_atomic(path: Path, encoding: str = "utf-8") -> Delimited:
    """One atomic file; its columns are named without their types.

    Raises UserError when it is empty or a name has no type that RecBole knows.
    """
    header = next(read_lines(path, encoding), "").rstrip("\r\n")
    if not header:
        raise empty_file(path)
    for name in header.split("\t"):
        if name.partition(":")[2] not in TYPES:
            raise located(
                path, 1, f"the name {quoted(name)} has none of the types {', '.join(TYPES)}. Write name:type"
            )
    columns = tuple(name.partition(":")[0] for name in header.split("\t"))
    check_columns(path, 1, columns)
    return Delimited(path, columns, "\t", encoding, quotable=False, remarks=mark_note(path, encoding))


def recbole_files(place: Path) -> dict[str, Path]:
    """The files of a folder, or beside an `.inter` file: "interactions", and if there are, "items", "users".

    Raises UserError when a folder holds no `.inter` file, or several.
    """
    files = sorted(place.glob(f"*{SUFFIX}")) if place.is_dir() else [place]
    if not files:
        raise UserError(f"{shown_name(place)} is not a RecBole folder: it needs a file called NAME{SUFFIX}.")
    if len(files) > 1:
        names = ", ".join(shown_name(path) for path in files)
        raise UserError(f"{shown_name(place)} holds several files of interactions: {names}. Give one.")
    beside = {"items": files[0].with_suffix(".item"), "users": files[0].with_suffix(".user")}
    return {"interactions": files[0], **{content: path for content, path in beside.items() if path.is_file()}}
