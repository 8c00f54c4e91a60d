"""Rows of a source that are not sound: counted, and told in one sentence or left out on request."""

from dataclasses import dataclass, field

from promptrec_tui.datasets.places import located, shown_name
from promptrec_tui.datasets.tables import Table
from promptrec_tui.errors import UserError

SHOWN = 5
WAY_OUT = "or leave such rows out with --skip-bad"


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
        if len(self._lines) < SHOWN:
            self._lines.append(line)
        if fault not in self._faults and len(self._faults) < SHOWN:
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
                f"{self._first} {self.count - 1:,} more {noun} not sound ({self._unit} {others}{dots})."
            )
        raise self._first

    def notes(self) -> tuple[str, ...]:
        """What was left out, for a person."""
        if not self.count:
            return ()
        lines = ", ".join(map(str, self._lines)) + (" …" if self.count > len(self._lines) else "")
        said = f"{rows(self.count)} of {self._file} left out as not sound ({self._unit} {lines})"
        return (f"{said}: {'; '.join(self._faults)}.",)


def rows(count: int) -> str:
    """A number of rows, with what follows: "1 row was", "2 rows were"."""
    return "1 row" if count == 1 else f"{count:,} rows"
