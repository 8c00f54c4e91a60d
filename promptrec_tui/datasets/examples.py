"""Texts with an answer, as the dataset file has them: fields by name, the label, the split."""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import count

from promptrec_tui.datasets.dataset import Example
from promptrec_tui.datasets.faults import BadRows, listed, quoted
from promptrec_tui.datasets.splits import SPLITS, split_of
from promptrec_tui.datasets.tables import Table, Tick
from promptrec_tui.errors import UserError
from promptrec_tui.text import clean

ANSWERS = ("label", "output")
TEXT_LIMIT = 1_000_000
NO_SPLITS: Mapping[str, str] = {}
SHOWN = 8


def read_examples(
    tables: Mapping[str, Table],
    columns: Mapping[str, Mapping[str, int]],
    tick: Tick,
    bad: BadRows | None = None,
    splits: Mapping[str, str] = NO_SPLITS,
) -> Iterator[Example]:
    """The examples of all `tables`, by the names of their splits; "examples" is no split.

    The columns of fields are named after the fields, others keep their names. An empty text or answer and a
    text beyond the limit go to `bad`. Raises UserError, with file and line, for these when they are not to be
    left out, for names of splits of which neither the usual ones nor `splits` (by the name in small letters)
    tell, for names in `splits` that no row has, and where no example is left.
    """
    bad = bad or BadRows()
    unknown: Counter[str] = Counter()
    unused = set(splits)
    numbers = count()
    for content, table in tables.items():
        index_of = columns[content]
        answer = next(index_of[name] for name in ANSWERS if name in index_of)
        asked = next(index for name, index in index_of.items() if name in ("text", "instruction"))
        split = index_of.get("split")
        named = {index: name for name, index in index_of.items()}
        others = [
            (index, named.get(index, name))
            for index, name in enumerate(table.columns)
            if index not in (answer, split) and (name or index in named)
        ]
        for line, fields in table.rows(tick):
            empty = next((index for index in (asked, answer) if not fields[index].strip()), None)
            if empty is not None:
                bad.add(table, line, f"the {named[empty]} is empty", "Fill it in")
                continue
            longest = max(map(len, fields))
            if longest > TEXT_LIMIT:
                fault = f"a field has {longest:,} characters, {TEXT_LIMIT:,} at most"
                bad.add(table, line, fault, "Shorten it")
                continue
            name = fields[split].strip() if split is not None else "" if content == "examples" else content
            unused.discard(name.casefold())
            meant = splits.get(name.casefold()) or split_of(name)
            if name and meant is None:
                unknown[name] += 1
            yield Example(
                next(numbers), {name: fields[index] for index, name in others}, fields[answer], meant
            )
    bad.finish()
    if unknown:
        raise unknown_splits(unknown)
    if unused:
        raise UserError(f"No split is named {listed(sorted(unused))}: correct or leave out --map-split.")
    if not next(numbers):
        names = " and ".join(table.path.name for table in tables.values())
        raise UserError(f"{names} names its columns and has no rows (0). Add a row for each example.")


def unknown_splits(unknown: Counter[str]) -> UserError:
    """The error that asks what names of splits mean, given how many rows each has."""
    shown = ", ".join(f"{quoted(name)} ({_rows(count)})" for name, count in unknown.most_common(SHOWN))
    more = " …" if len(unknown) > SHOWN else ""
    first = unknown.most_common(1)[0][0]
    return UserError(
        f"The names of splits {shown}{more} are not known: give the meaning of each, such as "
        f"--map-split {clean(first)}=train, with one of {', '.join(SPLITS)}."
    )


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"
