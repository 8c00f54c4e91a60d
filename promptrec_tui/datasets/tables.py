"""Delimited text files, read as a stream of located rows: strict, and text to the last field."""

import csv
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from promptrec_tui.errors import UserError
from promptrec_tui.text import clean

Tick = Callable[[int, int], None]
"""Called now and then while a file is read, with bytes read and bytes in all."""

DELIMITERS = (",", "\t", ";")
UTF8 = "utf-8-sig"
TICK_LINES = 4096
SHOWN_CHARACTERS = 40

SIGNATURES = {
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    b"PK\x03\x04": "a zip archive",
    b"\x1f\x8b": "a gzip archive",
    b"PAR1": "a Parquet file",
    b"SQLite format 3": "an SQLite database",
}


@dataclass(frozen=True)
class Table:
    """A delimited file whose columns are known.

    `delimiter` is one character (then fields may be quoted, RFC 4180) or several (then they may not);
    `header` says whether the first row names the columns; `notes` are sentences for the import's warnings.
    """

    path: Path
    columns: tuple[str, ...]
    delimiter: str
    encoding: str = UTF8
    header: bool = True
    notes: tuple[str, ...] = ()

    def rows(self, tick: Tick | None = None) -> Iterator[tuple[int, list[str]]]:
        """(line number, fields) of each data row; every row has as many fields as there are columns.

        Blank lines are passed over. Raises UserError, with file and line, at the first row that is not sound.
        """
        records = _records(self.path, self.delimiter, self.encoding, tick)
        if self.header:
            next(records, None)
        width = len(self.columns)
        for line, fields in records:
            if len(fields) != width:
                raise located(
                    self.path,
                    line,
                    f"it has {_fields(len(fields))}, and {_fields(width)} are expected. Quote a field that "
                    "holds the separator, or mend the row",
                )
            yield line, fields


def read_table(path: Path) -> Table:
    """The CSV or TSV file `path`: its delimiter is the one that splits the first line into most columns.

    Raises UserError when the file cannot be read, is empty, or names a column twice.
    """
    first = next((line for line in _lines(path, UTF8) if line.strip()), None)
    if first is None:
        raise UserError(
            f"{shown_name(path)} is empty. Give a CSV or TSV file whose first line names the columns."
        )
    delimiter = max(DELIMITERS, key=lambda mark: len(next(csv.reader([first], delimiter=mark), [])))
    line, header = next(_records(path, delimiter, UTF8))
    columns = tuple(name.strip() for name in header)
    for name in columns:
        if name and columns.count(name) > 1:
            raise located(
                path, line, f"column {quoted(name)} stands there twice. Give each column its own name"
            )
    if not any(columns):
        raise located(path, line, "the first line must name the columns, and it names none")
    return Table(path, columns, delimiter, notes=_mark_note(path))


def headless_table(path: Path, delimiter: str, columns: tuple[str, ...]) -> Table:
    """The file `path` without a header, in UTF-8 or, where it is not, in Latin-1 (which a note then says)."""
    try:
        with _open(path) as file:
            for _ in io.TextIOWrapper(file, UTF8):
                pass
    except UnicodeDecodeError:
        note = f"{shown_name(path)} is not UTF-8 and was read as Latin-1; check a title with accents."
        return Table(path, columns, delimiter, encoding="latin-1", header=False, notes=(note,))
    return Table(path, columns, delimiter, header=False, notes=_mark_note(path))


def located(path: Path, line: int, message: str) -> UserError:
    """The UserError that says where: file, line, and one sentence without its full stop."""
    return UserError(f"{shown_name(path)}, line {line}: {message}.")


def shown_name(path: Path) -> str:
    """The name of a file or folder, safe for a terminal."""
    return clean(path.name) or str(path)


def quoted(text: str) -> str:
    """A value from a file, as an error shows it: cleaned, cut, in quotes."""
    text = clean(text[: SHOWN_CHARACTERS + 1])
    return f'"{text}"' if len(text) <= SHOWN_CHARACTERS else f'"{text[:SHOWN_CHARACTERS]}…"'


def _open(path: Path) -> BinaryIO:
    try:
        return open(path, "rb")
    except OSError as error:
        raise UserError(f"Cannot read {clean(str(path))}: {error.strerror}. Check path and rights.") from None


def _lines(path: Path, encoding: str, tick: Tick | None = None) -> Iterator[str]:
    with _open(path) as file:
        size = os.fstat(file.fileno()).st_size
        try:
            for number, line in enumerate(io.TextIOWrapper(file, encoding, newline=""), 1):
                if "\0" in line:
                    raise located(path, number, "there is a NUL byte. Save the file as plain UTF-8 text")
                if tick and number % TICK_LINES == 0:
                    tick(file.tell(), size)
                yield line
        except UnicodeDecodeError:
            raise _not_utf8(path) from None
        if tick:
            tick(size, size)


def _records(
    path: Path, delimiter: str, encoding: str, tick: Tick | None = None
) -> Iterator[tuple[int, list[str]]]:
    lines = _lines(path, encoding, tick)
    return _plain(lines, delimiter) if len(delimiter) > 1 else _quotable(path, lines, delimiter)


def _plain(lines: Iterator[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(lines, 1):
        if text := line.rstrip("\r\n"):
            yield number, text.split(delimiter)


def _quotable(path: Path, lines: Iterator[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    line = 1
    try:
        for fields in reader:
            if fields:
                yield line, fields
            line = reader.line_num + 1
    except csv.Error as error:
        reason = str(error)
    else:
        return
    if "end of data" in reason:
        raise located(
            path, line, "a quote that opens here never closes. Close it, or double a quote that is text"
        )
    if "limit" in reason:
        limit = csv.field_size_limit()
        raise located(
            path, line, f"a field has more than {limit:,} characters. Look for a quote that is not closed"
        )
    raise located(
        path, line, 'a quoted field is not closed well. Write a quote inside a quoted field twice ("")'
    )


def _fields(count: int) -> str:
    return "1 field" if count == 1 else f"{count} fields"


def _not_utf8(path: Path) -> UserError:
    with _open(path) as file:
        start = file.read(16)
        for signature, kind in SIGNATURES.items():
            if start.startswith(signature):
                return UserError(f"{shown_name(path)} looks like {kind}. Give a CSV or TSV file in UTF-8.")
        file.seek(0)
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                return located(path, number, f"byte {error.start + 1} is not UTF-8. Save the file as UTF-8")
    return UserError(f"{shown_name(path)} is not UTF-8. Save the file as UTF-8.")


def _mark_note(path: Path) -> tuple[str, ...]:
    with _open(path) as file:
        marked = file.read(3) == b"\xef\xbb\xbf"
    return (f"{shown_name(path)} begins with a byte order mark, which was left out.",) if marked else ()
