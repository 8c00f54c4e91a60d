"""How a delimited file is written: quotes, and whether its first line names the columns."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from promptrec_tui.datasets.encodings import open_binary, read_lines
from promptrec_tui.datasets.faults import located, quoted, shown_name
from promptrec_tui.errors import UserError

QUOTINGS = ("auto", "csv", "none")
FIELD_LIMIT = 1 << 24
"""Characters of a field, as of a line of JSON Lines."""

COLUMN_LIMIT = 10_000
CHUNK = 1 << 22
_DATA = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?([eE][+-]?[0-9]+)?|[0-9]{4}-[0-9]{2}-[0-9]{2}.*")

csv.field_size_limit(FIELD_LIMIT)


@dataclass(frozen=True)
class Dialect:
    """The settings for reading a delimited file.

    `quoting`: "csv" (quotes enclose fields), "none" (a quote is a character) or "auto"; `header`: does the
    first line name the columns? None: it has to look as if. `skip_bad`: leave out rows that are invalid.
    `dates`: "day-first", "month-first", or "auto" to judge by the column. `separator`: a mark or its name;
    empty to judge by the lines.
    """

    quoting: str = "auto"
    header: bool | None = None
    skip_bad: bool = False
    dates: str = "auto"
    separator: str = ""


AS_USUAL = Dialect()


@dataclass
class Oddities:
    """Irregular rows counted while a file is read."""

    left_out: int = 0
    left_out_lines: list[int] = field(default_factory=list)
    swallowed: int = 0
    swallowed_line: int = 0

    def clear(self) -> None:
        """Begin anew, for rows that are read once more."""
        self.left_out = self.swallowed = self.swallowed_line = 0
        self.left_out_lines.clear()

    def leave_out(self, line: int) -> None:
        """Count a row that was left out as it is invalid."""
        self.left_out += 1
        if len(self.left_out_lines) < 5:
            self.left_out_lines.append(line)

    def notes(self, path: Path) -> tuple[str, ...]:
        """Warnings, a sentence each."""
        sentences = []
        if self.left_out:
            lines = ", ".join(map(str, self.left_out_lines))
            more = " …" if self.left_out > len(self.left_out_lines) else ""
            sentences.append(
                f"{shown_name(path)}: {self.left_out:,} rows have another number of fields than the header "
                f"and were left out (line {lines}{more})."
            )
        if self.swallowed:
            sentences.append(
                f"{shown_name(path)}: {self.swallowed:,} quoted fields hold line ends and separators as "
                f"whole rows do, the first in line {self.swallowed_line}. If rows are missing, its "
                "quotes enclose nothing: say --quoting none."
            )
        return tuple(sentences)


def check_quoting(quoting: str) -> str:
    """`quoting`, in lower case. Raises UserError when it is none of QUOTINGS."""
    if (known := quoting.lower()) in QUOTINGS:
        return known
    raise UserError(f"The quoting {quoted(quoting)} is not known: choose among {', '.join(QUOTINGS)}.")


def is_unquoted(path: Path, encoding: str, delimiter: str, before: int) -> bool:
    """Are the quotes in a file characters like all others?

    So it is where every line has the same number of fields when quotes mean nothing, and some field begins
    with a quote and is not enclosed by two. Files with commas or semicolons are never taken for such: there a
    quote that is not closed is a fault.
    """
    if delimiter in ",;" or not _holds_quotes(path):
        return False
    width, odd = 0, False
    for number, line in enumerate(read_lines(path, encoding)):
        text = line.rstrip("\r\n")
        if number < before or not text:
            continue
        fields = text.split(delimiter)
        width = width or len(fields)
        if len(fields) != width:
            return False
        odd = odd or ('"' in text and any(map(_is_oddly_quoted, fields)))
    return odd


def looks_like_data(names: Sequence[str], known: bool) -> bool:
    """Is a first line a row rather than names? `known`: are there columns with usual names?"""
    return not known and any(_DATA.fullmatch(name) for name in names)


def data_in_header(path: Path, line: int, names: Sequence[str]) -> UserError:
    """The error for a first line that looks like a row."""
    shown = ", ".join(map(quoted, names[:4])) + (" …" if len(names) > 4 else "")
    return located(
        path,
        line,
        f"the names of the columns look like data ({shown}). If the file has no line of names, say "
        "--no-header and which column is which by its number, such as --map user=1 --map item=2; "
        "if these are names, say --header",
    )


def check_width(path: Path, line: int, columns: Sequence[str]) -> None:
    """Raise UserError for a table that is far too wide."""
    if len(columns) > COLUMN_LIMIT:
        raise located(
            path,
            line,
            f"it has {len(columns):,} columns, {COLUMN_LIMIT:,} at most are read. Is it a table of another "
            "kind, such as a matrix of users by items? Write one interaction a row",
        )


def _is_oddly_quoted(field: str) -> bool:
    """Could this text, between two separators, not be a field under the rules of quotes (RFC 4180)?"""
    if not field.startswith('"'):
        return False
    inner = field[1:-1]
    return len(field) < 2 or not field.endswith('"') or '"' in inner.replace('""', "")


def _holds_quotes(path: Path) -> bool:
    with open_binary(path) as file:
        return any(b'"' in chunk for chunk in iter(lambda: file.read(CHUNK), b""))
