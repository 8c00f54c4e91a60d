"""Opening a source of any format: interactions with their items and users, or texts with an answer."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from promptrec_tui.datasets.archive import unpack
from promptrec_tui.datasets.columns import (
    EVENT_FIELDS,
    INSTRUCTION_FIELDS,
    INTERACTION_FIELDS,
    ITEM_FIELDS,
    LABELLED_FIELDS,
    USER_FIELDS,
    usual_names,
)
from promptrec_tui.datasets.delimited import Delimited, read_delimited
from promptrec_tui.datasets.detection import FORMATS, LINES, Guess, check_json_name, detect, looks_like
from promptrec_tui.datasets.dialects import AS_USUAL, Dialect
from promptrec_tui.datasets.encodings import head
from promptrec_tui.datasets.faults import quoted, shown_name
from promptrec_tui.datasets.json_shapes import ITEM_PAIR
from promptrec_tui.datasets.jsonl import read_json, read_jsonl, read_objects
from promptrec_tui.datasets.labelled import is_labelled, read_labelled_lines, split_files
from promptrec_tui.datasets.movielens import movielens_tables
from promptrec_tui.datasets.parquet import read_parquet
from promptrec_tui.datasets.recbole import read_atomic, recbole_files
from promptrec_tui.datasets.tables import Table
from promptrec_tui.errors import UserError
from promptrec_tui.text import clean

EXAMPLE_SUFFIXES = (".json", ".jsonl", ".csv", ".tsv", ".txt", ".parquet")


MOST_UNREAD = 20


@dataclass(frozen=True)
class Reading:
    """How files are read: encoding (None where it was not said), a folder for what is unpacked, form, and the
    columns by field that were said.
    """

    encoding: str | None
    staging: Path
    dialect: Dialect = AS_USUAL
    mapping: Mapping[str, str] = field(default_factory=dict)

    @property
    def text_encoding(self) -> str:
        """The encoding to read in."""
        return self.encoding or "utf-8"


@dataclass(frozen=True)
class Source:
    """The tables behind one import, by what they hold, and their format with the reason for it.

    The contents are "interactions" and perhaps "items" and "users"; for texts, the names of the splits, or
    "examples".
    """

    format: str
    why: str
    tables: Mapping[str, Table]
    notes: tuple[str, ...] = ()

    @property
    def has_examples(self) -> bool:
        """Texts with an answer, not interactions?"""
        return self.format in ("instruction", "labelled")

    def fields(self, content: str) -> tuple[str, ...]:
        """The fields that the table of this content may have."""
        if self.has_examples:
            return INSTRUCTION_FIELDS if self.format == "instruction" else LABELLED_FIELDS
        events = EVENT_FIELDS if self.describes_itself else INTERACTION_FIELDS
        return {"items": ITEM_FIELDS, "users": USER_FIELDS}.get(content, events)

    @property
    def describes_itself(self) -> bool:
        """May the interactions describe their items, because no other table does?"""
        return self.format in ("csv", "jsonl", "parquet") and "items" not in self.tables


def open_source(path: Path, format: str, items: Path | None, reading: Reading) -> Source:
    """The source at `path`, in a format of FORMATS or as `detect` says; a zip archive is unpacked first.

    Raises UserError when the format is unknown, or path and format do not go together.
    """
    if format not in ("auto", *FORMATS):
        raise UserError(f"The format {quoted(format)} is not known. Formats: auto, {', '.join(FORMATS)}.")
    path, unpacked = _unpacked(find_place(path), reading)
    guess = (
        Guess(format, "it was told", path)
        if format != "auto"
        else detect(path, reading.text_encoding, reading.dialect)
    )
    source = _OPENERS[guess.format](guess.path, reading)
    unread = _unread(path, source) if path.is_dir() else ()
    source = replace(source, why=guess.why, notes=(*unpacked, *unread, *source.notes))
    if not items:
        return source
    if source.has_examples:
        raise UserError("Texts with an answer have no items. Leave out --items.")
    if "items" in source.tables:
        kind = {"movielens": "A MovieLens folder", "recbole": "This RecBole source"}[source.format]
        raise UserError(f"{kind} brings its own items. Leave out --items.")
    return replace(source, tables={**source.tables, "items": _item_table(items, reading)})


def _unread(folder: Path, source: Source) -> tuple[str, ...]:
    """A note that names what lies in a folder and is not read."""
    read = {table.path for table in source.tables.values()}
    others = [
        shown_name(path) + ("/" if path.is_dir() else "")
        for path in sorted(folder.iterdir())
        if path not in read and not path.name.startswith(".")
    ]
    if not others:
        return ()
    more = f" and {len(others) - MOST_UNREAD:,} more" if len(others) > MOST_UNREAD else ""
    return (f"Of {shown_name(folder)} these were not read: {', '.join(others[:MOST_UNREAD])}{more}.",)


def find_place(path: Path) -> Path:
    """The path with `~` resolved. Raises UserError when nothing is there, for pipes and for devices."""
    try:
        path = path.expanduser()
        if path.is_dir() or path.is_file():
            return path
    except (OSError, RuntimeError) as error:
        raise UserError(f"Cannot open {quoted(str(path))}: {error}. Check path and rights.") from None
    if path.exists():
        raise UserError(
            f"{clean(str(path))} is not a regular file (it is a pipe or a device). Copy what it gives into a "
            "file and import that."
        )
    raise UserError(f"There is no file or folder {clean(str(path))}. Check the path.")


def _unpacked(path: Path, reading: Reading) -> tuple[Path, tuple[str, ...]]:
    if path.is_dir() or looks_like(path) != "zip":
        return path, ()
    # Called as the archive is: errors name the folder.
    (reading.staging / "unpacked").mkdir()
    folder = unpack(path, reading.staging / "unpacked" / path.name)
    inside = list(folder.iterdir())
    if (folder / "[Content_Types].xml").is_file():
        raise UserError(
            f"{shown_name(path)} is an Office document, such as a workbook. Save its sheet as CSV."
        )
    note = f"{shown_name(path)} was unpacked."
    return (inside[0] if len(inside) == 1 else folder), (note,)


def _movielens(path: Path, reading: Reading) -> Source:
    if not path.is_dir():
        raise UserError(f"{shown_name(path)} is a file. For the format movielens give its folder.")
    ratings, movies = movielens_tables(path, reading.encoding)
    return Source("movielens", "", {"interactions": ratings, "items": movies})


def _recbole(path: Path, reading: Reading) -> Source:
    files = recbole_files(path)
    return Source(
        "recbole", "", {name: read_atomic(file, reading.text_encoding) for name, file in files.items()}
    )


def _csv(path: Path, reading: Reading) -> Source:
    return Source("csv", "", {"interactions": _read_delimited(_file(path, "CSV or TSV file"), reading)})


def _jsonl(path: Path, reading: Reading) -> Source:
    path = _file(path, "JSON Lines file")
    whole = looks_like(path, reading.text_encoding) == "json"
    table = (
        read_objects(path, reading.text_encoding)
        if whole
        else read_jsonl(path, reading.text_encoding, reading.dialect.skip_bad)
    )
    return Source("jsonl", "", {"interactions": table})


def _parquet(path: Path, reading: Reading) -> Source:
    return Source("parquet", "", {"interactions": read_parquet(_file(path, "Parquet file"), reading.staging)})


def _instruction(path: Path, reading: Reading) -> Source:
    return Source("instruction", "", _examples(path, reading))


def _labelled(path: Path, reading: Reading) -> Source:
    return Source("labelled", "", _examples(path, reading))


_OPENERS: Mapping[str, Callable[[Path, Reading], Source]] = {
    "movielens": _movielens,
    "recbole": _recbole,
    "csv": _csv,
    "jsonl": _jsonl,
    "parquet": _parquet,
    "instruction": _instruction,
    "labelled": _labelled,
}


def _item_table(path: Path, reading: Reading) -> Table:
    path = _file(find_place(path), "CSV, TSV, JSON Lines or Parquet file", "items")
    match looks_like(path, reading.text_encoding):
        case "parquet":
            return read_parquet(path, reading.staging)
        case "objects" if len(head(path).split(b"\n", 2)) > 2 or path.suffix.lower() in LINES:
            return read_jsonl(path, reading.text_encoding, reading.dialect.skip_bad)
        case "objects" | "json":
            return read_objects(path, reading.text_encoding, ITEM_PAIR)
        case "typed":
            return read_atomic(path, reading.text_encoding)
        case _:
            check_json_name(path, reading.text_encoding)
            # The header of the interactions does not decide about that of the items.
            return _read_delimited(path, reading, of_items=True)


def _read_delimited(path: Path, reading: Reading, of_items: bool = False) -> Delimited:
    """The delimited file `path`, read with the given dialect.

    `of_items`: what was said is of the interactions first of all. Another separator is judged by the lines;
    with --no-header it has a line of names all the same where that holds the columns that were said for
    items, or, where none were, a usual name.
    """
    if of_items and reading.dialect.separator:
        try:
            return _read_delimited(path, reading)
        except UserError:
            reading = replace(reading, dialect=replace(reading.dialect, separator=""))
    if of_items and reading.dialect.header is False:
        mapped = {reading.mapping[field] for field in ITEM_FIELDS if field in reading.mapping}
        with suppress(UserError):
            table = read_delimited(path, reading.text_encoding, replace(reading.dialect, header=None))
            if mapped & set(table.columns) if mapped else usual_names(table.columns):
                return table
    return read_delimited(path, reading.text_encoding, reading.dialect)


def _examples(path: Path, reading: Reading) -> dict[str, Table]:
    """The tables of a file of texts, or of a folder with a file for each split."""
    if not path.is_dir():
        return {split or "examples": table for split, table in _example_tables(path, reading).items()}
    files = split_files(path, EXAMPLE_SUFFIXES)
    if not files:
        raise UserError(
            f"{shown_name(path)} has no files of texts: it needs train, valid or test with one of the "
            f"endings {', '.join(EXAMPLE_SUFFIXES)}."
        )
    tables: dict[str, Table] = {}
    for split, file in files.items():
        tables_of_file = _example_tables(file, reading)
        if list(tables_of_file) != [None]:
            raise UserError(f"{shown_name(file)} holds splits itself. Give the file alone.")
        tables[split] = tables_of_file[None]
    return tables


def _example_tables(path: Path, reading: Reading) -> Mapping[str | None, Table]:
    match looks_like(path, reading.text_encoding):
        case "parquet":
            return {None: read_parquet(path, reading.staging)}
        case "objects":
            return {None: read_jsonl(path, reading.text_encoding, reading.dialect.skip_bad)}
        case "json":
            return read_json(path, reading.text_encoding)
        case _ if path.suffix.lower() not in (".csv", ".tsv") and is_labelled(path, reading.text_encoding):
            return {None: read_labelled_lines(path, reading.text_encoding)}
        case _:
            return {None: _read_delimited(path, reading)}


def _file(path: Path, kind: str, content: str = "interactions") -> Path:
    if path.is_dir():
        raise UserError(f"{shown_name(path)} is a folder. Give the {kind} that holds the {content}.")
    return path
