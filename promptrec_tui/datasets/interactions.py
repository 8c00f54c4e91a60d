"""The interactions of a source: checked, numbered, and put in the order in which they happened."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from promptrec_tui.datasets.catalogue import KEY_LIMIT
from promptrec_tui.datasets.encodings import Tick
from promptrec_tui.datasets.events import NO_TIME, Events, Ints
from promptrec_tui.datasets.intake import Engine, objects, put_table, run, take_in
from promptrec_tui.datasets.places import located, quoted, shown_name
from promptrec_tui.datasets.tables import Table
from promptrec_tui.datasets.values import parse_moment, parse_rating
from promptrec_tui.errors import UserError

T = TypeVar("T")

MILLISECONDS = 10**11
"""From here on a moment is no count of seconds (it would be the year 5138)."""
YEAR_2100 = 4_102_444_800
MOMENTS = "a number of seconds since 1970 or an ISO date"
EXAMPLES = 5
SHOWN_LINES = 20
CHUNK = 1_000_000


@dataclass(frozen=True, eq=False)
class Interactions:
    """What was read: the keys of users and items by id, and how many events each user has.

    `rejected` rows named an unknown item. The events are in the engine, ordered by user, moment and line.
    """

    engine: Engine
    users: Sequence[str]
    lengths: Ints
    items: Sequence[str]
    rejected: int
    warnings: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many interactions there are."""
        return int(self.lengths.sum())

    def chunks(self) -> Iterator[Events]:
        """The events in order, whole users at a time."""
        ends = np.cumsum(self.lengths)
        start = 0
        while start < self.count:
            # At least one user, however long; else as many whole ones as fit.
            users = max(
                np.searchsorted(ends, start + CHUNK, "right"), np.searchsorted(ends, start, "right") + 1
            )
            end = int(ends[users - 1])
            found = self.engine.execute(
                f"SELECT * FROM ordered WHERE rowid >= {start} AND rowid < {end}"
            ).fetchnumpy()
            yield Events(
                found["user_id"].astype(np.int64),
                found["item_id"].astype(np.int64),
                np.ma.filled(found["rating"], np.nan),
                np.ma.filled(found["moment"], NO_TIME),
                found["line"],
            )
            start = end


def read_interactions(
    engine: Engine,
    table: Table,
    columns: Mapping[str, int],
    items: Sequence[str] | None,
    tick: Callable[[str], Tick],
) -> Interactions:
    """Read the interactions of `table`; `items` are the keys of the catalogue by id, None without one.

    Rows of unknown items are rejected. Users, and items without a catalogue, get ids in the order of their
    first row. Raises UserError, with file and line, for an empty user or item, a bad rating or timestamp;
    and when no row is left.
    """
    take_in(engine, table, columns, "timestamp", tick("reading interactions"))
    _check_keys(engine, table)
    rated, timed = "rating" in columns, "timestamp" in columns
    if rated:
        _ratings(engine, table)
    parted = timed and _timestamps(engine, table)
    rejected, unknown = 0, ""
    if items is None:
        items = _number(engine, "item", "items")
    else:
        ids = np.arange(len(items), dtype=np.int32)
        put_table(engine, "items", {"key": objects(items), "id": ids})
        rejected, unknown = _unknown(engine)
    known = "SEMI JOIN items ON source.item = items.key" if rejected else ""
    users = _number(engine, "user", "users", known)
    if not users:
        raise _nothing_left(table, rejected, unknown)
    _order(engine, rated, timed, parted, tick("sorting"))
    warnings = (
        _moments(engine, table)
        if timed
        else (f"{shown_name(table.path)} has no timestamps: histories follow the order of its lines.",)
    )
    if rejected:
        said = f"{rejected:,} interactions name items that are not in the items file and were left out"
        warnings = (f"{said}: {unknown}.", *warnings)
    lengths = engine.execute("SELECT events FROM users ORDER BY id").fetchnumpy()["events"]
    return Interactions(engine, users, lengths.astype(np.int64), items, rejected, warnings)


def _check_keys(engine: Engine, table: Table) -> None:
    for field in ("user", "item"):
        line, count, lines = _where(engine, f'"{field}" IS NULL')
        if count:
            fault = f"the {field} is empty{_more(table, count, lines)}. Fill it in or take the row out"
            raise located(table.path, line, fault, table.unit)
        line, count, lines = _where(engine, f'length("{field}") > {KEY_LIMIT}')
        if count:
            fault = f"the {field} has more than {KEY_LIMIT:,} characters. Is it the right column?"
            raise located(table.path, line, fault, table.unit)


def _where(engine: Engine, condition: str) -> tuple[int, int, list[int]]:
    """The first line where something holds, how many there are, and the first few."""
    (count,) = engine.execute(f"SELECT count(*) FROM source WHERE {condition}").fetchall()[0]
    if not count:
        return 0, 0, []
    found = engine.execute(f"SELECT line FROM source WHERE {condition} ORDER BY line LIMIT {SHOWN_LINES}")
    lines = [line for (line,) in found.fetchall()]
    return lines[0], count, lines


def _more(table: Table, count: int, lines: Sequence[int]) -> str:
    if count == 1:
        return ""
    shown = ", ".join(map(str, lines[1:]))
    return f", and so it is in {count - 1:,} more ({table.unit} {shown}{' …' if count > len(lines) else ''})"


def _ratings(engine: Engine, table: Table) -> None:
    """Make the table `ratings(text, value)`: each text of a rating, parsed once."""
    parsed = _parsed(engine, "rating", parse_rating)
    _refuse(engine, table, "rating", "rating", parsed, "a number")
    values = [np.nan if value is None else value for value in parsed.values()]
    columns = {"text": objects(parsed), "value": np.array(values, dtype=float)}
    put_table(engine, "ratings", columns)


def _timestamps(engine: Engine, table: Table) -> bool:
    """Make the table `moments(text, value, part)` of what is no plain whole number; is there any?

    `value` is in whole seconds, `part` is the rest, by which events are ordered too.
    """
    parsed = _parsed(engine, "other", parse_moment)
    _refuse(engine, table, "timestamp", "other", parsed, MOMENTS)
    whole = [math.floor(value) for value in parsed.values()]
    parts = [value - floor for value, floor in zip(parsed.values(), whole, strict=True)]
    columns = {
        "text": objects(parsed),
        "value": np.array(whole, dtype=np.int64),
        "part": np.array(parts, dtype=float),
    }
    put_table(engine, "moments", columns)
    return bool(parsed)


def _parsed(engine: Engine, column: str, parse: Callable[[str], T]) -> dict[str, T]:
    """What each text of a column means; texts that mean nothing are left out."""
    found = {}
    distinct = f"SELECT DISTINCT {column} FROM source WHERE {column} IS NOT NULL"
    for (text,) in engine.execute(distinct).fetchall():
        with suppress(ValueError):
            found[text] = parse(text)
    return found


def _refuse(
    engine: Engine, table: Table, field: str, column: str, parsed: Mapping[str, object], expected: str
) -> None:
    """Raise UserError where a text of the column is not among those that were parsed."""
    put_table(engine, "sound", {"text": objects(parsed)})
    bad = f"{column} IS NOT NULL AND {column} NOT IN (FROM sound)"
    if field == "timestamp":
        # Without its moment an event has no place in a history; a rating may be missing.
        bad = f"timestamp IS NULL AND ({column} IS NULL OR ({bad}))"
    line, count, lines = _where(engine, bad)
    if count:
        (text,) = engine.execute(f"SELECT {column} FROM source WHERE line = {line}").fetchall()[0]
        more = _more(table, count, lines)
        fault = f"the {field} {quoted(text or '')} is not {expected}{more}. Mend the row"
        raise located(table.path, line, fault, table.unit)


def _unknown(engine: Engine) -> tuple[int, str]:
    """How many rows name an item that the table `items` lacks, and a few of them to show."""
    missing = "FROM source ANTI JOIN items ON source.item = items.key"
    (count,) = engine.execute(f"SELECT count(*) {missing}").fetchall()[0]
    found = engine.execute(
        f"SELECT item, min(line) {missing} GROUP BY item ORDER BY 2 LIMIT {EXAMPLES + 1}"
    ).fetchall()
    shown = ", ".join(f"{quoted(key)} (line {line})" for key, line in found[:EXAMPLES])
    return count, shown + (" …" if len(found) > EXAMPLES else "")


def _number(engine: Engine, field: str, name: str, known: str = "") -> list[str]:
    """Make the table `name(key, id, events)` of a field, ids by first appearance; answers the keys."""
    engine.execute(
        f"CREATE OR REPLACE TABLE {name} AS "
        "SELECT key, (row_number() OVER (ORDER BY first) - 1)::INTEGER AS id, events FROM "
        f'(SELECT "{field}" AS key, min(line) AS first, count(*) AS events FROM source {known} GROUP BY key)'
    ).fetchall()
    return [key for (key,) in engine.execute(f"SELECT key FROM {name} ORDER BY id").fetchall()]


def _order(engine: Engine, rated: bool, timed: bool, parted: bool, tick: Tick) -> None:
    """Make the table `ordered`, whose row numbers are its order."""
    timestamp = "coalesce(timestamp, moments.value)" if parted else "timestamp" if timed else "NULL::BIGINT"
    run(
        engine,
        "CREATE OR REPLACE TABLE ordered AS "
        f"SELECT users.id AS user_id, items.id AS item_id, {'ratings.value' if rated else 'NULL::DOUBLE'} "
        f"AS rating, {timestamp} AS moment, line "
        'FROM source JOIN users ON source."user" = users.key JOIN items ON source.item = items.key '
        + ("LEFT JOIN ratings ON source.rating = ratings.text " if rated else "")
        + ("LEFT JOIN moments ON source.other = moments.text " if parted else "")
        + f"ORDER BY user_id, moment, {'moments.part NULLS FIRST, ' if parted else ''}line",
        tick,
    )


def _nothing_left(table: Table, rejected: int, unknown: str) -> UserError:
    name = shown_name(table.path)
    if rejected:
        return UserError(
            f"None of the {rejected:,} interactions in {name} names an item of the items file, which has "
            f"no {unknown}. Check --map item=COLUMN and --map key=COLUMN."
        )
    return UserError(f"{name} names its columns and has no rows (0). Add a row for each interaction.")


def _moments(engine: Engine, table: Table) -> tuple[str, ...]:
    first, first_line, last, last_line, many = engine.execute(
        "SELECT min(moment), arg_min(line, moment), max(moment), arg_max(line, moment), "
        f"count(*) FILTER (moment >= {MILLISECONDS}) FROM ordered"
    ).fetchall()[0]
    remarks = []
    if first < MILLISECONDS <= last:
        fault = (
            f"the timestamp {last} looks like milliseconds, while {table.unit} {first_line} has {first}; "
            f"{many:,} look so. Put all timestamps in one unit"
        )
        raise located(table.path, last_line, fault, table.unit)
    if first >= MILLISECONDS:
        remarks.append(
            "The timestamps look like milliseconds; they are kept as they are, the order is right."
        )
    elif last >= YEAR_2100:
        remarks.append(
            f"There are timestamps after the year 2100, the latest in {table.unit} {last_line}: {last}."
        )
    if first < 0:
        remarks.append(
            f"There are timestamps before 1970, the earliest in {table.unit} {first_line}: {first}."
        )
    return tuple(remarks)
