"""Faults of source files: where they are, how an error shows them, and rows that are left out."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from promptrec_tui.datasets.tables import Table
from promptrec_tui.errors import UserError
from promptrec_tui.text import clean

SHOWN_CHARACTERS = 40
SHOWN_NAMES = 20
SHOWN_LINES = 5
WAY_OUT = "or leave such rows out with --skip-bad"


def located(path: Path, line: int, message: str, unit: str = "line") -> UserError:
    """A UserError with file, line (or row, record) and one sentence, given without its full stop."""
    return UserError(f"{shown_name(path)}, {unit} {line}: {message}.")


def shown_name(path: Path) -> str:
    """The name of a file or folder, safe for a terminal."""
    return clean(path.name) or str(path)


def quoted(text: str) -> str:
    """A value from a file, as an error shows it: cleaned, cut, in quotes."""
    text = clean(text[: SHOWN_CHARACTERS + 1])
    return f'"{text}"' if len(text) <= SHOWN_CHARACTERS else f'"{text[:SHOWN_CHARACTERS]}…"'


def listed(names: Iterable[str]) -> str:
    """Names from a file in quotes, as many as an error can show."""
    shown = [quoted(name) for name in names]
    more = f" and {len(shown) - SHOWN_NAMES:,} more" if len(shown) > SHOWN_NAMES else ""
    return ", ".join(shown[:SHOWN_NAMES]) + more


@dataclass
class BadRows:
    """Collects faults. With `skip` the rows are left out, else `finish` raises what was found."""

    skip: bool = False
    count: int = 0
    _first: UserError | None = None
    _lines: list[int] = field(default_factory=list)
    _faults: list[str] = field(default_factory=list)
    _file: str = ""
    _unit: str = "line"

    def add(self, table: Table, line: int, fault: str, advice: str) -> None:
        """Note that a row has a `fault`, such as "the key is empty", which `advice` mends."""
        self.count += 1
        if len(self._lines) < SHOWN_LINES:
            self._lines.append(line)
        if fault not in self._faults and len(self._faults) < SHOWN_LINES:
            self._faults.append(fault)
        if self._first is None:
            self._file, self._unit = shown_name(table.path), table.unit
            self._first = located(table.path, line, f"{fault}. {advice}, {WAY_OUT}", table.unit)

    def finish(self) -> None:
        """Raise UserError for the first fault, with the number of others; nothing where rows are skipped."""
        if self._first is None or self.skip:
            return
        if self.count > 1:
            others = ", ".join(map(str, self._lines[1:]))
            dots = " …" if self.count > len(self._lines) else ""
            noun = "row is" if self.count == 2 else "rows are"
            raise UserError(
                f"{self._first} {self.count - 1:,} more {noun} invalid ({self._unit} {others}{dots})."
            )
        raise self._first

    def notes(self) -> tuple[str, ...]:
        """A warning about the rows that were left out."""
        if not self.count:
            return ()
        lines = ", ".join(map(str, self._lines)) + (" …" if self.count > len(self._lines) else "")
        sentence = f"{rows(self.count)} of {self._file} left out as invalid ({self._unit} {lines})"
        return (f"{sentence}: {'; '.join(self._faults)}.",)


def rows(count: int) -> str:
    """A number of rows, with what follows: "1 row was", "2 rows were"."""
    return "1 row" if count == 1 else f"{count:,} rows"
