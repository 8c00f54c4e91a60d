"""The columns of the list of runs: what each shows, and which of them fit a width."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from promptrec_tui.tui.glyphs import Glyphs
from promptrec_tui.tui.widgets.run_text import (
    age_text,
    badge,
    number_text,
    progress_text,
    rate_text,
    sparkline,
    state_text,
)

if TYPE_CHECKING:
    from promptrec_tui.workspace.runs import RunRow

GAP = 2
"""A space on both sides of each column."""

NAME_FIRST = 24
"""Cells that a name gets before other texts get more than they need."""


@dataclass(frozen=True)
class RunColumn:
    """`least` to `most` cells wide; named as the field that it sorts by.

    `show` gives the text of a run, `style` a style for it.
    """

    name: str
    help: str
    least: int
    show: Callable[["RunRow", Glyphs], str]
    most: int = 0
    style: Callable[["RunRow"], str] = lambda row: ""


def _dim(row: "RunRow") -> str:
    return "dim"


def _count_text(value: int | None) -> str:
    return "-" if value is None else str(value)


COLUMNS = {
    column.name: column
    for column in (
        RunColumn("name", "its name", 11, lambda row, _: row.name, most=40),
        RunColumn("state", "what it does", 13, state_text, style=lambda row: badge(row).colour),
        RunColumn("progress", "steps, or the phase", 12, lambda row, _: progress_text(row)),
        RunColumn("loss", "last training loss", 6, lambda row, _: number_text(row.train_loss)),
        RunColumn("best", "best on validation", 7, lambda row, _: number_text(row.best_value, 4)),
        RunColumn(
            "trend",
            "training loss so far",
            6,
            lambda row, glyphs: sparkline(row.sparkline, 6, glyphs.bars),
            style=lambda row: "cyan",
        ),
        RunColumn("age", "since it was made", 4, lambda row, _: age_text(row.created), style=_dim),
        RunColumn("test", "the same metric on test", 7, lambda row, _: number_text(row.test_value, 4)),
        RunColumn("tags", "its tags", 8, lambda row, _: " ".join(row.tags), most=24),
        RunColumn("dataset", "its dataset", 8, lambda row, _: row.dataset, most=24),
        RunColumn("template", "its template", 8, lambda row, _: row.template, most=24),
        RunColumn("model", "its base model", 8, lambda row, _: row.model, most=24),
        RunColumn("method", "how it tunes", 11, lambda row, _: row.method),
        RunColumn("rate", "learning rate", 7, lambda row, _: rate_text(row.learning_rate)),
        RunColumn("seed", "seed of the training", 5, lambda row, _: _count_text(row.seed)),
        RunColumn("task", "what is asked", 9, lambda row, _: row.task),
        RunColumn("note", "its note", 12, lambda row, _: row.note, most=60, style=_dim),
        RunColumn("id", "name of its folder", 8, lambda row, _: row.id, style=_dim),
    )
}
"""By name, in the order of the chooser."""

DEFAULT = (
    *("name", "state", "progress", "loss", "best", "trend", "age"),
    *("test", "tags", "dataset", "template", "model", "rate"),
)
"""The first seven take exactly 80 cells with a name of 18."""


def known_columns(names: Sequence[object]) -> tuple[str, ...]:
    """Those of the names that are columns, after that of the name; the default ones where there is none."""
    known = dict.fromkeys(name for name in names if isinstance(name, str) and name in COLUMNS)
    return tuple({"name": None, **known}) if known else DEFAULT


@lru_cache(maxsize=16)
def fitted(names: tuple[str, ...], width: int) -> list[tuple[RunColumn, int]]:
    """The first columns that fit into `width` cells, with their widths.

    The name is there even if it has to be cut. What is left over goes to it at first, then to all wide texts
    in turn.
    """
    shown: list[RunColumn] = []
    left = width
    for column in (COLUMNS[name] for name in names):
        if left < column.least + GAP and shown:
            break
        shown.append(column)
        left -= column.least + GAP
    widths = {column.name: column.least for column in shown}
    while left > 0 and (growing := [column for column in shown if widths[column.name] < column.most]):
        named = [column for column in growing if column.name == "name" and widths["name"] < NAME_FIRST]
        for column in (named or growing)[:left]:
            widths[column.name] += 1
            left -= 1
    return [(column, widths[column.name]) for column in shown]
