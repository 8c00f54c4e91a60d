"""Datasets, users and interactions as short texts."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from textual.content import Content

from promptrec_tui.text import clean
from promptrec_tui.tui.widgets.paged_table import Column, PagedRow

if TYPE_CHECKING:
    from promptrec_tui.workspace.datasets import DatasetRow, Example, Item, Row, User

USER_COLUMNS = (Column("user"), Column("events", 7, right=True))
HISTORY_COLUMNS = (
    Column("#", 5, right=True, rank=1),
    Column("title"),
    Column("rating", 6, right=True, rank=2),
    Column("when", 11, rank=3),
)
ITEM_COLUMNS = (Column("title"), Column("key", 10, rank=2), Column("events", 7, right=True, rank=1))
HOLDER_COLUMNS = (
    Column("user"),
    Column("#", 5, right=True, rank=3),
    Column("rating", 6, right=True, rank=2),
    Column("when", 11, rank=1),
)
TEXT_COLUMNS = (Column("split", 6, rank=2), Column("label", 16, rank=1), Column("text"))
ROW_COLUMNS = (Column("user", 16, rank=1), *HISTORY_COLUMNS)

# Timestamps in seconds or milliseconds; other numbers are shown unchanged.
SECONDS = range(10**8, 10**10)
MILLISECONDS = range(10**11, 10**13)


def user_row(user: "User") -> PagedRow:
    """A user and the number of events."""
    return PagedRow(user.key, (user.key, f"{user.events:,}"))


def profile_text(attributes: Mapping[str, str]) -> Content:
    """The attributes of a user; empty if there are none."""
    parts = [Content.assemble((f"{clean(name)} ", "dim"), clean(value)) for name, value in attributes.items()]
    return Content("  ").join(parts)


def history_row(row: "Row") -> PagedRow:
    """One event of a history."""
    return PagedRow(str(row.position), _event(row))


def interaction_row(row: "Row") -> PagedRow:
    """One event and its user."""
    return PagedRow(f"{row.user} {row.position}", (row.user, *_event(row)))


def item_row(item: "Item") -> PagedRow:
    """An item and its number of events."""
    return PagedRow(item.key, (item.title, item.key, f"{item.events:,}"))


def holder_row(row: Mapping[str, Any]) -> PagedRow:
    """Who had an item, and when: a row of the `dataset who` document."""
    rating = "" if row["rating"] is None else f"{row['rating']:g}"
    cells = (row["user"], str(row["position"] + 1), rating, moment(row["timestamp"]))
    return PagedRow(f"{row['user']} {row['position']}", cells)


def example_row(example: "Example") -> PagedRow:
    """A labelled text in one line; an instruction that all texts share comes last."""
    fields = sorted(example.fields.items(), key=lambda field: field[0] == "instruction")
    text = "  ".join(str(value) for _, value in fields)
    return PagedRow(str(example.example_id), (example.split or "", example.label or "", text))


def moment(timestamp: int | None) -> str:
    """The date if the number can be a timestamp; else the number."""
    if timestamp is None:
        return ""
    if timestamp in SECONDS or timestamp in MILLISECONDS:
        seconds = timestamp if timestamp in SECONDS else timestamp / 1000
        return datetime.fromtimestamp(seconds, UTC).date().isoformat()
    return str(timestamp)


def dataset_facts(row: "DatasetRow") -> Content:
    """The source of a dataset and the warnings of its import."""
    facts = {
        "source": row.source,
        "format": row.format,
        "imported": row.created[:16].replace("T", " ") + " UTC",
        "rejected": f"{row.rejected:,} rows",
        "file": row.file,
    }
    if row.steps:
        facts["steps"] = ", ".join(row.steps)
    lines = [Content.assemble((f"{name:<9} ", "dim"), clean(value)) for name, value in facts.items()]
    notes = [Content.assemble(("note: ", "bold $warning"), clean(note)) for note in row.warnings]
    return Content("\n").join([Content(clean(row.name)).stylize("bold"), *lines, *notes])


def _event(row: "Row") -> tuple[str, ...]:
    rating = "" if row.rating is None else f"{row.rating:g}"
    return (str(row.position + 1), row.title, rating, moment(row.timestamp))
