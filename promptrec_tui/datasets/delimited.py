"""Delimited text files, read as a stream of located rows: strict, and text to the last field."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from promptrec_tui.datasets.columns import usual_names
from promptrec_tui.datasets.dialects import (
    AS_USUAL,
    FIELD_LIMIT,
    Dialect,
    Oddities,
    check_width,
    data_in_header,
    is_unquoted,
    looks_like_data,
)
from promptrec_tui.datasets.encodings import UTF8_MARK, check_text, head, mark_note, open_binary, read_lines
from promptrec_tui.datasets.faults import located, quoted, shown_name
from promptrec_tui.datasets.separators import (
    check_parting,
    check_separator,
    doubts,
    first_lines,
    likely_separator,
    spaced,
)
from promptrec_tui.datasets.tables import Tick
from promptrec_tui.errors import UserError

BULK_BYTES = 8 << 20
"""Below this the strict reader is as fast as starting DuckDB's."""
CHUNK = 1 << 22
ODD = (b'"', b"\0", b"\r", b"\n\n")
"""Where one of these is, a row may be something else than a line."""


@dataclass(frozen=True)
class Delimited:
    """A delimited file whose columns are known.

    Where `quotable`, fields may be in quotes (RFC 4180), and `delimiter` is one character. `header` says
    whether the first row names the columns; `before` lines stand above it; `spaced`: a space after a
    separator is none of the field. `skip_bad`: rows of another width are left out and counted.
    """

    path: Path
    columns: tuple[str, ...]
    delimiter: str
    encoding: str = "utf-8"
    header: bool = True
    quotable: bool = True
    remarks: tuple[str, ...] = ()
    unit: str = "line"
    before: int = 0
    spaced: bool = False
    skip_bad: bool = False
    oddities: Oddities = field(default_factory=Oddities, compare=False)

    @property
    def notes(self) -> tuple[str, ...]:
        """As `Table.notes`; what the rows show is known once they went by."""
        return (*self.remarks, *self.oddities.notes(self.path))

    def rows(self, tick: Tick | None = None) -> Iterator[tuple[int, list[str]]]:
        """As `Table.rows`; blank lines are passed over."""
        records = _records(
            self.path, self.delimiter, self.quotable, self.encoding, tick, self.before, self.spaced
        )
        if self.header:
            next(records, None)
        width = len(self.columns)
        oddities = self.oddities
        oddities.clear()
        for line, fields in records:
            if len(fields) != width:
                if self.skip_bad:
                    oddities.leave_out(line)
                    continue
                raise located(
                    self.path,
                    line,
                    f"it has {_fields(len(fields))}, and {_fields(width)} are expected. Quote a field that "
                    "holds the separator, mend the row, or leave such rows out with --skip-bad",
                )
            if self.quotable and any("\n" in text and self._may_hold_rows(text) for text in fields):
                oddities.swallowed += 1
                oddities.swallowed_line = oddities.swallowed_line or line
            yield line, fields

    def _may_hold_rows(self, text: str) -> bool:
        """Has a line in a quoted field as many separators as a row?"""
        return any(part.count(self.delimiter) >= max(1, len(self.columns) - 1) for part in text.split("\n"))

    def relation(self) -> tuple[str, int] | None:
        """As `Table.relation`, for large files that hold no quote and no odd line end.

        There a row is a line, and nothing can be read in two ways. DuckDB counts rows, not lines, and its
        rules for quotes are not RFC 4180 to the letter, so other files go through `rows`.
        """
        if (
            self.encoding != "utf-8"
            or self.before
            or self.spaced
            or self.skip_bad
            or not _is_plain(self.path)
        ):
            return None
        names = ", ".join(f"'c{number}': 'VARCHAR'" for number in range(len(self.columns)))
        return (
            f"read_csv({sql_text(str(self.path))}, auto_detect = false, header = {str(self.header).lower()}, "
            f"delim = {sql_text(self.delimiter)}, quote = '', escape = '', comment = '', new_line = '\\n', "
            f"max_line_size = {2 * CHUNK}, "
            f"strict_mode = true, null_padding = false, ignore_errors = false, columns = {{{names}}})"
        ), 1 + self.header


def read_delimited(path: Path, encoding: str = "utf-8", dialect: Dialect = AS_USUAL) -> Delimited:
    """The CSV or TSV file `path`; its separator is the given one, else the one that splits its lines best.

    Without a line of names the columns are named 1, 2, 3 and so on. Raises UserError when the file cannot be
    read, is empty, names a column twice, has a first line that looks like data, or other lines than its
    separator makes.
    """
    check_text(path)
    before, declared, lines = first_lines(path, encoding)
    if not lines:
        raise empty_file(path)
    delimiter = check_separator(dialect.separator) or declared or likely_separator(lines)
    unquoted = dialect.quoting == "none" or len(delimiter) > 1
    notes = (*mark_note(path, encoding), *doubts(path, lines, delimiter))
    apart = spaced(lines, delimiter)
    if apart:
        notes += (f"{shown_name(path)} has a space after each separator, which was left out.",)
    if not unquoted and dialect.quoting == "auto" and is_unquoted(path, encoding, delimiter, before):
        unquoted = True
        notes += (f"{shown_name(path)} has quotes that enclose no field: they were read as text.",)
    line, header = next(_records(path, delimiter, not unquoted, encoding, before=before, spaced=apart))
    columns = tuple(name.strip() for name in header)
    check_width(path, line, columns)
    named = dialect.header is not False
    check_parting(path, lines, line, delimiter, named)
    if dialect.header is None and looks_like_data(columns, usual_names(columns) > 0):
        raise data_in_header(path, line, columns)
    if named:
        check_columns(path, line, columns)
    else:
        columns = tuple(str(number) for number in range(1, len(columns) + 1))
    return Delimited(
        path,
        columns,
        delimiter,
        encoding,
        header=named,
        quotable=not unquoted,
        remarks=notes,
        before=before,
        spaced=apart,
        skip_bad=dialect.skip_bad,
    )


def empty_file(path: Path) -> UserError:
    """The UserError of a file without a line."""
    size = path.stat().st_size
    return UserError(
        f"{shown_name(path)} is empty ({size} bytes). Give a file whose first line names the columns."
    )


def check_columns(path: Path, line: int, columns: tuple[str, ...]) -> None:
    """Raise UserError for a header that names nothing, or a column twice."""
    for name in columns:
        if name and columns.count(name) > 1:
            raise located(
                path, line, f"column {quoted(name)} stands there twice. Give each column its own name"
            )
    if not any(columns):
        raise located(path, line, "the first line must name the columns, and it names none")


def headless_table(
    path: Path, delimiter: str, columns: tuple[str, ...], encoding: str | None = None
) -> Delimited:
    """The file `path` without header and quotes, in UTF-8 or, where it is not, Latin-1 (a note says so)."""
    notes: tuple[str, ...] = ()
    if encoding is None:
        try:
            with open_binary(path) as file:
                for line in file:
                    line.decode()
            encoding, notes = "utf-8", mark_note(path, "utf-8")
        except UnicodeDecodeError:
            note = f"{shown_name(path)} is not UTF-8 and was read as Latin-1; check a title with accents."
            encoding, notes = "latin-1", (note,)
    return Delimited(path, columns, delimiter, encoding, header=False, quotable=False, remarks=notes)


def sql_text(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def _is_plain(path: Path) -> bool:
    """Is a row a line in this file, and is it worth a bulk reader?"""
    if path.stat().st_size < BULK_BYTES or head(path, 3) == UTF8_MARK or head(path, 1) == b"\n":
        return False
    # A glob would read other files too.
    if any(char in str(path) for char in "*?[{"):
        return False
    end = b""
    with open_binary(path) as file:
        # Not mmap: its pages would count as this process's memory.
        while chunk := file.read(CHUNK):
            # A line that long is for the strict reader, which has a sentence for it.
            if len(chunk) == CHUNK and b"\n" not in chunk:
                return False
            if b"\n\n" in end + chunk[:1] or any(odd in chunk for odd in ODD):
                return False
            end = chunk[-1:]
    return True


def _records(
    path: Path,
    delimiter: str,
    quotable: bool,
    encoding: str,
    tick: Tick | None = None,
    before: int = 0,
    spaced: bool = False,
) -> Iterator[tuple[int, list[str]]]:
    """(line, fields) of each row after the first `before` lines."""
    lines = islice(read_lines(path, encoding, tick), before, None)
    if quotable:
        return _quotable(path, lines, delimiter, before, spaced)
    return _plain(lines, f"{delimiter} " if spaced else delimiter, before)


def _plain(lines: Iterator[str], delimiter: str, before: int) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(lines, before + 1):
        if text := line.rstrip("\r\n"):
            yield number, text.split(delimiter)


def _quotable(
    path: Path, lines: Iterator[str], delimiter: str, before: int, spaced: bool
) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=spaced)
    line = before + 1
    try:
        for fields in reader:
            if fields:
                yield line, fields
            line = before + reader.line_num + 1
    except csv.Error as error:
        reason = str(error)
    else:
        return
    if "end of data" in reason:
        raise located(
            path,
            line,
            "a quote that opens here never closes. Close it, double a quote that is text, or say "
            "--quoting none where quotes enclose nothing",
        )
    if "limit" in reason:
        raise located(
            path,
            line,
            f"a field has more than {FIELD_LIMIT:,} characters, the most that is read. Shorten it, or look "
            "for a quote that is not closed",
        )
    raise located(
        path,
        line,
        'a quoted field is not closed well. Write a quote inside a quoted field twice (""), '
        "or say --quoting none where quotes enclose nothing",
    )


def _fields(count: int) -> str:
    return "1 field" if count == 1 else f"{count} fields"
