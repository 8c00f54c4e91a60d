"""Texts with an answer, as the dataset file has them: fields by name, the label, the split."""

from collections.abc import Iterator, Mapping
from itertools import count

from promptrec_tui.datasets.dataset import Example
from promptrec_tui.datasets.encodings import Tick
from promptrec_tui.datasets.places import located
from promptrec_tui.datasets.tables import Table
from promptrec_tui.errors import UserError

ANSWERS = ("label", "output")
TEXT_LIMIT = 1_000_000


def read_examples(
    tables: Mapping[str, Table], columns: Mapping[str, Mapping[str, int]], tick: Tick
) -> Iterator[Example]:
    """The examples of all `tables`, by the names of their splits; "examples" is no split.

    The columns of fields are called by the fields, others keep their names. Raises UserError, with file and
    line, for an empty text or answer, a text beyond the limit, and where no example is left.
    """
    numbers = count()
    for content, table in tables.items():
        found = columns[content]
        answer = next(found[name] for name in ANSWERS if name in found)
        asked = next(index for name, index in found.items() if name in ("text", "instruction"))
        split = found.get("split")
        named = {index: name for name, index in found.items()}
        others = [
            (index, named.get(index, name))
            for index, name in enumerate(table.columns)
            if index not in (answer, split) and (name or index in named)
        ]
        for line, fields in table.rows(tick):
            for index in (asked, answer):
                if not fields[index].strip():
                    fault = f"the {named[index]} is empty. Fill it in or take the row out"
                    raise located(table.path, line, fault, table.unit)
            longest = max(map(len, fields))
            if longest > TEXT_LIMIT:
                fault = f"a field has {longest:,} characters, {TEXT_LIMIT:,} at most. Shorten it"
                raise located(table.path, line, fault, table.unit)
            yield Example(
                next(numbers),
                {name: fields[index] for index, name in others},
                fields[answer],
                (fields[split] or None) if split is not None else None if content == "examples" else content,
            )
    if not next(numbers):
        names = " and ".join(table.path.name for table in tables.values())
        raise UserError(f"{names} names its columns and has no rows (0). Add a row for each example.")
