"""Runs with their positions in the queue."""

from collections.abc import Sequence
from dataclasses import replace

from promptrec_tui.home import Home
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.queue import Entry, in_order, queue_entry, queued
from promptrec_tui.runs.states import State
from promptrec_tui.store.runs import QueuePlace, RunRow


def with_places(home: Home, rows: Sequence[RunRow]) -> list[RunRow]:
    """All runs; waiting ones with their position in the queue, which is read from the run folders."""
    waiting = [RunFolder(home.runs / row.id) for row in rows if row.state == State.QUEUED]
    places = _places(in_order(entry for folder in waiting if (entry := queue_entry(folder))))
    return [replace(row, queue=places[row.id]) if row.id in places else row for row in rows]


def with_place(home: Home, row: RunRow) -> RunRow:
    """One run, with its position if it waits."""
    if row.state != State.QUEUED:
        return row
    return replace(row, queue=_places(queued(home)).get(row.id))


def _places(entries: Sequence[Entry]) -> dict[str, QueuePlace]:
    return {
        entry.folder.id: QueuePlace(place, entry.hold, entry.priority, entry.continue_after_failure)
        for place, entry in enumerate(entries, start=1)
    }
