"""Rename, tag, note, pin and archive runs: what people say of a run after it was made."""

from collections.abc import Iterable, Sequence
from typing import Any

from promptrec_tui.errors import UserError
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.label import LONGEST_NOTE, change_label, change_tags, check_tag, read_label
from promptrec_tui.store import runs as store
from promptrec_tui.text import clean
from promptrec_tui.workspace.lateness import row_after_change, row_from_folder, unlisted
from promptrec_tui.workspace.names import check_name
from promptrec_tui.workspace.opening import Workspace
from promptrec_tui.workspace.runs import RunRow, find_run


def rename_run(workspace: Workspace, run: str, name: str) -> RunRow:
    """Give a run another name. Its result and its spec keep the one that it was made with.

    Raises UserError when the name is not free, or cannot be one.
    """
    row = find_run(workspace, run)
    if name == row.name:
        return row
    check_name("run", name, store.run_names(workspace.catalogue, name))
    if unlisted(workspace, name):
        check_name("run", name, [name])
    return _change(workspace, [row.id], name=name)[0]


def tag_runs(workspace: Workspace, runs: Sequence[str], words: Iterable[str]) -> list[RunRow]:
    """Change the tags of some runs: `films` and `+films` add a tag, `-old` takes one away.

    Raises UserError, before any change, for a word that cannot be a tag, and for one that is to go and that
    none of the runs has.
    """
    words = tuple(words)
    more = [word.removeprefix("+") for word in words if not word.startswith("-")]
    fewer = [word.removeprefix("-") for word in words if word.startswith("-")]
    for tag in more:
        check_tag(tag)
    rows = [find_run(workspace, run) for run in runs]
    known = {tag: None for row in rows for tag in read_label(_folder(workspace, row)).tags}
    for tag in fewer:
        if tag not in known:
            there = f"There is: {', '.join(known)}." if known else "There is none."
            raise UserError(f"No tag {clean(tag)!r} can be taken away. {clean(there)}")
    for row in rows:
        change_tags(_folder(workspace, row), more, fewer)
    return _after(workspace, rows)


def note_run(workspace: Workspace, run: str, note: str) -> RunRow:
    """Write the note of a run, one line; an empty one takes it away. Raises UserError for one too long."""
    if len(note) > LONGEST_NOTE:
        raise UserError(f"The note has {len(note):,} characters: shorten it to {LONGEST_NOTE:,}.")
    return _change(workspace, [run], note=clean(note).strip())[0]


def pin_runs(workspace: Workspace, runs: Sequence[str], pinned: bool = True) -> list[RunRow]:
    """Put runs on top of the list, or no longer."""
    return _change(workspace, runs, pinned=pinned)


def archive_runs(workspace: Workspace, runs: Sequence[str], archived: bool = True) -> list[RunRow]:
    """Hide runs from the list, or no longer. Nothing of them is deleted; what is at work goes on."""
    return _change(workspace, runs, archived=archived)


def _change(workspace: Workspace, runs: Sequence[str], **changes: Any) -> list[RunRow]:
    rows = [find_run(workspace, run) for run in runs]
    for row in rows:
        change_label(_folder(workspace, row), **changes)
    return _after(workspace, rows)


def _after(workspace: Workspace, rows: Sequence[RunRow]) -> list[RunRow]:
    """The rows after a change: the folders are read once for all of them."""
    first, *others = rows
    after = row_after_change(workspace, _folder(workspace, first), f"Run {first.name!r} is changed")
    return [after, *(row_from_folder(workspace, _folder(workspace, row)) for row in others)]


def _folder(workspace: Workspace, row: RunRow) -> RunFolder:
    return RunFolder(workspace.home.runs / row.id)
