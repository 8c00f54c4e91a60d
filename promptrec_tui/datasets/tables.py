"""A table of a source: rows of text, each with its line number."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

Tick = Callable[[int, int], None]
"""Called now and then while a file is read, with bytes read and bytes in all."""


class Table(Protocol):
    """Columns and rows of a file of any format; every value is the source's own text."""

    @property
    def path(self) -> Path: ...

    @property
    def columns(self) -> tuple[str, ...]: ...

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the import's warnings."""
        ...

    @property
    def unit(self) -> str:
        """What a row's number counts: "line", "row" or "record"."""
        ...

    def rows(self, tick: Tick | None = None) -> Iterator[tuple[int, list[str]]]:
        """(number, fields) of each row, as many fields as there are columns.

        Raises UserError, with file and number, at the first row that is invalid.
        """
        ...

    def relation(self) -> tuple[str, int] | None:
        """How DuckDB reads the same rows: a FROM clause with columns c0, c1, …, and the first row's number.

        None where only `rows` reads the file exactly.
        """
        ...
