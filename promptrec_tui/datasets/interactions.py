"""The interactions of a source: checked, numbered, and put in the order in which they happened."""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from promptrec_tui.datasets.catalogue import KEY_LIMIT
from promptrec_tui.datasets.dialects import AS_USUAL, Dialect
from promptrec_tui.datasets.events import NO_TIME, SECONDS, UNKNOWN, Events, Ints, unit_name
from promptrec_tui.datasets.faults import WAY_OUT, located, quoted, rows, shown_name
from promptrec_tui.datasets.intake import Engine, objects, put_table, run, take_in
from promptrec_tui.datasets.tables import Table, Tick
from promptrec_tui.datasets.values import decimal_commas, parse_moments, parse_rating
from promptrec_tui.errors import UserError

T = TypeVar("T")

MILLISECONDS = 10**11
"""From here on a moment is no count of seconds (it would be the year 5138)."""
YEAR_2100 = 4_102_444_800
CALENDARS = {"%Y%m%d": "YYYYMMDD", "%Y%m%d%H%M": "YYYYMMDDhhmm", "%Y%m%d%H%M%S": "YYYYMMDDhhmmss"}

MOST = 0.9
"""The share of numbers that have to be dates before a column is one of dates."""
_WHOLE = re.compile(r"\s*[+]?(-?[0-9]+)([.]0*)?\s*")
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
            arrays = self.engine.execute(
                f"SELECT * FROM ordered WHERE rowid >= {start} AND rowid < {end}"
            ).fetchnumpy()
            yield Events(
                arrays["user_id"].astype(np.int64),
                arrays["item_id"].astype(np.int64),
                np.ma.filled(arrays["rating"], np.nan),
                np.ma.filled(arrays["moment"], NO_TIME),
                arrays["line"],
            )
            start = end


def read_interactions(
    engine: Engine,
    table: Table,
    columns: Mapping[str, int],
    items: Sequence[str] | None,
    tick: Callable[[str], Tick],
    dialect: Dialect = AS_USUAL,
) -> Interactions:
    """Read the interactions of `table`; `items` are the keys of the catalogue by id, None without one.

    The `dialect` sets how dates are read, and whether bad rows are left out and counted as rejected.

    Rows of unknown items are rejected. Users, and items without a catalogue, get ids in the order of their
    first row. Raises UserError, with file and line, for an empty user or item, a bad rating or timestamp;
    and when no row is left.
    """
    take_in(engine, table, columns, "timestamp", tick("reading interactions"))
    bad = _Bad(engine, table, dialect.skip_bad)
    _check_keys(bad)
    rated, timed = "rating" in columns, "timestamp" in columns
    if rated:
        _ratings(bad)
    parted = timed and _timestamps(bad, dialect.dates)
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
    warnings = (*bad.notes, *warnings)
    if rejected:
        sentence = f"{rejected:,} interactions name items that are not in the items file and were left out"
        warnings = (f"{sentence}: {unknown}.", *warnings)
    lengths = engine.execute("SELECT events FROM users ORDER BY id").fetchnumpy()["events"]
    return Interactions(engine, users, lengths.astype(np.int64), items, rejected + bad.count, warnings)


class _Bad:
    """Rows that are invalid: the first fault is raised; with `skip` they leave the view `source`."""

    def __init__(self, engine: Engine, table: Table, skip: bool) -> None:
        self.engine, self.table = engine, table
        self.notes: list[str] = []
        self.count = 0
        self._skip = skip

    def judge(self, condition: str, fault: str, advice: str, shown: str = "") -> None:
        """Deal with the rows where `condition` holds; {} in `fault` stands for the value of `shown`."""
        line, count, lines = _where(self.engine, condition)
        if not count:
            return
        if shown:
            (text,) = self.engine.execute(f"SELECT {shown} FROM source WHERE line = {line}").fetchall()[0]
            fault = fault.format(quoted(text or ""))
        if not self._skip:
            fault += _more(self.table, count, lines)
            advice = f"{advice}, {WAY_OUT}" if advice.endswith("row") else advice
            raise located(self.table.path, line, f"{fault}. {advice}", self.table.unit)
        number = len(self.notes)
        self.engine.execute(
            f"CREATE TABLE bad_{number} AS SELECT line FROM source WHERE {condition}"
        ).fetchall()
        self.engine.execute(f"ALTER VIEW source RENAME TO source_{number}").fetchall()
        self.engine.execute(
            f"CREATE VIEW source AS SELECT * FROM source_{number} ANTI JOIN bad_{number} USING (line)"
        ).fetchall()
        self.count += count
        few = ", ".join(map(str, lines[:EXAMPLES])) + (" …" if count > EXAMPLES else "")
        sentence = f"{rows(count)} of {shown_name(self.table.path)} left out as invalid"
        self.notes.append(f"{sentence} ({self.table.unit} {few}): {fault}.")


def _check_keys(bad: _Bad) -> None:
    for field in ("user", "item"):
        bad.judge(
            f'"{field}" IS NULL OR trim("{field}") = \'\'',
            f"the {field} is empty",
            "Fill it in or take out the row",
        )
        too_long = f"the {field} has more than {KEY_LIMIT:,} characters"
        bad.judge(f'length("{field}") > {KEY_LIMIT}', too_long, "Is it the right column?")


def _where(engine: Engine, condition: str) -> tuple[int, int, list[int]]:
    """The first line where something holds, how many there are, and the first few."""
    (count,) = engine.execute(f"SELECT count(*) FROM source WHERE {condition}").fetchall()[0]
    if not count:
        return 0, 0, []
    result = engine.execute(f"SELECT line FROM source WHERE {condition} ORDER BY line LIMIT {SHOWN_LINES}")
    lines = [line for (line,) in result.fetchall()]
    return lines[0], count, lines


def _more(table: Table, count: int, lines: Sequence[int]) -> str:
    if count == 1:
        return ""
    shown = ", ".join(map(str, lines[1:]))
    return f", and so it is in {count - 1:,} more ({table.unit} {shown}{' …' if count > len(lines) else ''})"


def _ratings(bad: _Bad) -> None:
    """Make the table `ratings(text, value)`: each text of a rating, parsed once."""
    engine = bad.engine
    parsed = _parsed(engine, "rating", parse_rating)
    texts = _texts(engine, "rating")
    if commas := decimal_commas(texts):
        parsed |= commas
        text, value = next(iter(commas.items()))
        name = shown_name(bad.table.path)
        bad.notes.append(f"The ratings of {name} have decimal commas: {quoted(text)} was read as {value:g}.")
    _refuse(bad, "rating", "rating", parsed, "a number")
    values = [np.nan if value is None else value for value in parsed.values()]
    columns = {"text": objects(parsed), "value": np.array(values, dtype=float)}
    put_table(engine, "ratings", columns)


def _timestamps(bad: _Bad, order: str) -> bool:
    """Make the table `moments(text, value, part)` of what is no plain whole number; is there any?

    `value` is in whole seconds, `part` is the rest, by which events are ordered too. Whole numbers that are
    dates in nearly every row, such as 20220421, become seconds.
    """
    engine = bad.engine
    texts = _texts(engine, "other")
    if any(_WHOLE.fullmatch(text) for text in texts):
        _whole_numbers(engine)
        texts = _texts(engine, "other")
    _calendar_numbers(bad)
    parsed, notes = parse_moments(texts, order)
    bad.notes += [f"{shown_name(bad.table.path)}: {note}" for note in notes]
    _refuse(bad, "timestamp", "other", parsed, MOMENTS)
    whole = [math.floor(value) for value in parsed.values()]
    parts = [value - floor for value, floor in zip(parsed.values(), whole, strict=True)]
    columns = {
        "text": objects(parsed),
        "value": np.array(whole, dtype=np.int64),
        "part": np.array(parts, dtype=float),
    }
    put_table(engine, "moments", columns)
    return bool(parsed)


def _whole_numbers(engine: Engine) -> None:
    """Take numbers such as 20220421.0, as programs write whole columns with a gap, for the whole ones."""
    number = f"TRY_CAST(regexp_extract(other, '^{_WHOLE.pattern}$', 1) AS BIGINT)"
    engine.execute("ALTER VIEW source RENAME TO source_texts").fetchall()
    engine.execute(
        f"CREATE VIEW source AS SELECT * REPLACE (coalesce(timestamp, {number}) AS timestamp, "
        f"CASE WHEN {number} IS NULL THEN other END AS other) FROM source_texts"
    ).fetchall()


def _calendar_numbers(bad: _Bad) -> None:
    """Make seconds of a column in which nearly every number is a date such as 20220421 or 20220421153000.

    Zero and negative numbers, which mean unknown, are left as they are; any other one that is no date is not
    sound.
    """
    engine = bad.engine
    (count,) = engine.execute("SELECT count(*) FROM source WHERE timestamp > 0").fetchall()[0]
    for form, shape in CALENDARS.items():
        text = "CAST(timestamp AS VARCHAR)"
        date = f"try_strptime({text}, '{form}')"
        sound = f"({date} BETWEEN '1900-01-01' AND '2100-01-01' AND length({text}) = {len(shape)})"
        (fitting,) = engine.execute(f"SELECT count(*) FROM source WHERE {sound}").fetchall()[0]
        if fitting and fitting >= MOST * count:
            other = f"timestamp > 0 AND {sound} IS NOT TRUE"
            bad.judge(other, f"the timestamp {{}} is not a date written {shape}", "Mend the row", text)
            engine.execute("ALTER VIEW source RENAME TO source_numbers").fetchall()
            seconds = f"CASE WHEN timestamp > 0 THEN CAST(epoch({date}) AS BIGINT) ELSE timestamp END"
            engine.execute(
                f"CREATE VIEW source AS SELECT * REPLACE ({seconds} AS timestamp) FROM source_numbers"
            ).fetchall()
            name = shown_name(bad.table.path)
            bad.notes.append(f"The timestamps of {name} are dates written {shape}, and were read so, in UTC.")
            return


def _parsed(engine: Engine, column: str, parse: Callable[[str], T]) -> dict[str, T]:
    """What each text of a column means; texts that mean nothing are left out."""
    parsed = {}
    for text in _texts(engine, column):
        with suppress(ValueError):
            parsed[text] = parse(text)
    return parsed


def _texts(engine: Engine, column: str) -> list[str]:
    """The different texts of a column, in the order of their first rows."""
    distinct = f"SELECT {column} FROM source WHERE {column} IS NOT NULL GROUP BY {column} ORDER BY min(line)"
    return [text for (text,) in engine.execute(distinct).fetchall()]


def _refuse(bad: _Bad, field: str, column: str, parsed: Mapping[str, object], expected: str) -> None:
    """Deal with the rows in which a text of the column is not among those that were parsed."""
    put_table(bad.engine, f"sound_{field}", {"text": objects(parsed)})
    condition = f"{column} IS NOT NULL AND {column} NOT IN (FROM sound_{field})"
    if field == "timestamp":
        # Without its moment an event has no place in a history; a rating may be missing.
        condition = f"timestamp IS NULL AND ({column} IS NULL OR ({condition}))"
    bad.judge(condition, f"the {field} {{}} is not {expected}", "Mend the row", column)


def _unknown(engine: Engine) -> tuple[int, str]:
    """How many rows name an item that the table `items` lacks, and a few of them to show."""
    missing = "FROM source ANTI JOIN items ON source.item = items.key"
    (count,) = engine.execute(f"SELECT count(*) {missing}").fetchall()[0]
    unknown = engine.execute(
        f"SELECT item, min(line) {missing} GROUP BY item ORDER BY 2 LIMIT {EXAMPLES + 1}"
    ).fetchall()
    shown = ", ".join(f"{quoted(key)} (line {line})" for key, line in unknown[:EXAMPLES])
    return count, shown + (" …" if len(unknown) > EXAMPLES else "")


def _number(engine: Engine, field: str, name: str, known: str = "") -> list[str]:
    """Make the table `name(key, id, events)` of a field, ids by first appearance; returns the keys."""
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
    """Warnings about the timestamps. Raises UserError where a column has two units.

    In a column of milliseconds early ones are small numbers too: they are of another unit only where each
    number below 10^11 looks like a count of seconds. 0 and -1 mean unknown, and tell nothing of the unit.
    """
    small = f"moment < {MILLISECONDS} AND moment NOT IN {UNKNOWN}"
    plain = f"moment BETWEEN {SECONDS[0]} AND {SECONDS[1]}"
    first, first_line, last, last_line, many, few, odd, zeros, seconds_line, seconds = engine.execute(
        "SELECT min(moment), arg_min(line, moment), max(moment), arg_max(line, moment), "
        f"count(*) FILTER (moment >= {MILLISECONDS}), count(*) FILTER ({small}), "
        f"count(*) FILTER ({small} AND NOT ({plain})), count(*) FILTER (moment = 0), "
        f"arg_min(line, line) FILTER ({plain}), arg_min(moment, line) FILTER ({plain}) FROM ordered"
    ).fetchall()[0]
    remarks = []
    unit = unit_name(last)
    if many and few and not odd:
        fault = (
            f"the timestamp {last} looks like {unit}, while {table.unit} {seconds_line} has {seconds}; "
            f"{many:,} look so. Put all timestamps in one unit"
        )
        raise located(table.path, last_line, fault, table.unit)
    if many:
        remarks.append(f"The timestamps look like {unit}; they are kept as they are, the order is right.")
    elif last >= YEAR_2100:
        remarks.append(
            f"There are timestamps after the year 2100, the latest in {table.unit} {last_line}: {last}."
        )
    if zeros and (many or last > SECONDS[0]):
        remarks.append(
            f"{zeros:,} timestamps are 0, which often means unknown: they count as the beginning of 1970, "
            "before all later ones."
        )
    if first < 0:
        remarks.append(
            f"There are timestamps before 1970, the earliest in {table.unit} {first_line}: {first}."
        )
    return tuple(remarks)
