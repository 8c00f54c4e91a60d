"""The interactions of a source, gathered by user and put in the order in which they happened."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from promptrec_tui.datasets.tables import Table, Tick, located, quoted, shown_name
from promptrec_tui.datasets.values import parse_moment, parse_rating
from promptrec_tui.errors import UserError

T = TypeVar("T")
Event = tuple[int | float | None, int, int, float | None]
"""(moment, source line, item id, rating): sorts by moment, then line, and lines never tie."""

MILLISECONDS = 10**11
"""From here on a moment is no count of seconds (it would be the year 5138)."""
MOMENTS = "a number of seconds since 1970 or an ISO date"
EXAMPLES = 5


@dataclass(frozen=True)
class Interactions:
    """Histories by user id, users in order of first appearance; `rejected` rows named an unknown item."""

    users: tuple[str, ...]
    histories: list[list[Event]]
    rejected: int
    warnings: tuple[str, ...]


@dataclass
class _Unknown:
    """Rows whose item is not in the catalogue: how many, and a few to show."""

    rows: int = 0
    examples: dict[str, int] = field(default_factory=dict)

    def add(self, key: str, line: int) -> None:
        self.rows += 1
        if len(self.examples) < EXAMPLES:
            self.examples.setdefault(key, line)

    def __str__(self) -> str:
        return ", ".join(f"{quoted(key)} (line {line})" for key, line in self.examples.items())


def read_interactions(
    table: Table, columns: Mapping[str, int], item_id: Callable[[str], int | None], tick: Tick | None = None
) -> Interactions:
    """Read the interactions of `table`; `item_id` gives a key's dense id, None for an unknown item.

    Rows of unknown items are rejected. Raises UserError, with file and line, for an empty user or item, a bad
    rating or timestamp; and when no row is left.
    """
    user_ids: dict[str, int] = {}
    histories: list[list[Event]] = []
    unknown = _Unknown()
    user_column, item_column = columns["user"], columns["item"]
    rating_column, moment_column = columns.get("rating"), columns.get("timestamp")
    rating: float | None = None
    moment: int | float | None = None
    for line, fields in table.rows(tick):
        user, item = fields[user_column], fields[item_column]
        if not user or not item:
            raise located(
                table.path, line, f"the {'item' if user else 'user'} is empty. Fill it in or take the row out"
            )
        if rating_column is not None:
            rating = _parse(parse_rating, fields[rating_column], table, line, "rating", "a number")
        if moment_column is not None:
            moment = _parse(parse_moment, fields[moment_column], table, line, "timestamp", MOMENTS)
        item_number = item_id(item)
        if item_number is None:
            unknown.add(item, line)
            continue
        user_id = user_ids.setdefault(user, len(user_ids))
        if user_id == len(histories):
            histories.append([])
        histories[user_id].append((moment, line, item_number, rating))
    if not histories:
        raise _nothing_left(table, unknown)
    for history in histories:
        history.sort()
    warnings = _remarks(table, histories, moment_column is not None)
    if unknown.rows:
        warnings = (
            f"{unknown.rows:,} interactions name items that are not in the items file and were left out: "
            f"{unknown}{' …' if len(unknown.examples) == EXAMPLES else ''}.",
            *warnings,
        )
    return Interactions(tuple(user_ids), histories, unknown.rows, warnings)


def _parse(parse: Callable[[str], T], text: str, table: Table, line: int, field: str, expected: str) -> T:
    try:
        return parse(text)
    except ValueError:
        raise located(
            table.path, line, f"the {field} {quoted(text)} is not {expected}. Mend the row"
        ) from None


def _nothing_left(table: Table, unknown: _Unknown) -> UserError:
    name = shown_name(table.path)
    if unknown.rows:
        return UserError(
            f"None of the {unknown.rows:,} interactions in {name} names an item of the items file, which has "
            f"no {unknown}. Check --map item=COLUMN and --map key=COLUMN."
        )
    return UserError(f"{name} names its columns and has no rows. Add a row for each interaction.")


def _remarks(table: Table, histories: list[list[Event]], timed: bool) -> tuple[str, ...]:
    if timed:
        remarks = list(_moment_remarks(table, histories))
        twice = sum(len(history) - len({event[::2] for event in history}) for history in histories)
    else:
        remarks = [f"{shown_name(table.path)} has no timestamps: histories follow the order of its lines."]
        twice = 0
    again = sum(len(history) - len({event[2] for event in history}) for history in histories) - twice
    if twice:
        remarks.append(
            f"{twice:,} interactions repeat user, item and timestamp of an earlier one; all are kept."
        )
    if again:
        remarks.append(f"{again:,} interactions come back to an item that the user had before; all are kept.")
    return tuple(remarks)


def _moment_remarks(table: Table, histories: list[list[Event]]) -> tuple[str, ...]:
    moments = [(event[0] or 0, event[1]) for history in histories for event in (history[0], history[-1])]
    (first, first_line), (last, last_line) = min(moments), max(moments)
    remarks = []
    if first < MILLISECONDS <= last:
        raise located(
            table.path,
            last_line,
            f"the timestamp {last} looks like milliseconds, while line {first_line} has {first}. "
            "Put all timestamps in one unit",
        )
    if first >= MILLISECONDS:
        remarks.append(
            "The timestamps look like milliseconds; they are kept as they are, the order is right."
        )
    if first < 0:
        remarks.append(f"There are timestamps before 1970, the earliest in line {first_line}: {first}.")
    judged = [history for history in histories if len(history) >= 3]
    tied = sum(history[-1][0] == history[-2][0] for history in judged)
    if tied:
        remarks.append(
            f"{tied:,} of {len(judged):,} users have their last two interactions at the same moment: "
            "which one is the test target is decided by the tie rule."
        )
    return tuple(remarks)
