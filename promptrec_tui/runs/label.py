"""`label.json`: what people say of a run after it was made. It lies in the run folder, so that no rebuilt
catalogue loses it."""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from promptrec_tui.errors import UserError
from promptrec_tui.files import write_json
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.queue import alone
from promptrec_tui.text import clean
from promptrec_tui.typed import read

TAG = re.compile(r'[^\s,":+-][^\s,":]{0,39}')
LONGEST_NOTE = 1_000


@dataclass(frozen=True)
class Label:
    """A name other than that in `run.json` (empty: that one), tags in their order, a note of one line.

    Pinned runs come first in the list; archived ones are hidden there until they are asked for.
    """

    name: str = ""
    tags: tuple[str, ...] = ()
    note: str = ""
    pinned: bool = False
    archived: bool = False


def read_label(folder: RunFolder) -> Label:
    """The label of a run; an empty one where there is none, or it is damaged."""
    return read(Label, folder.label) or Label()


def change_label(folder: RunFolder, **changes: Any) -> Label:
    """Write some fields of the label; other processes that do so wait for each other.

    Raises UserError when one of them takes more than some seconds.
    """
    with alone(folder):
        return _write(folder, replace(read_label(folder), **changes))


def change_tags(folder: RunFolder, more: Iterable[str], fewer: Iterable[str]) -> Label:
    """Add tags, and take away those of `fewer` that are there. Raises UserError as `change_label` does."""
    with alone(folder):
        before = read_label(folder)
        gone = set(fewer)
        tags = tuple(tag for tag in dict.fromkeys([*before.tags, *more]) if tag not in gone)
        return _write(folder, replace(before, tags=tags))


def check_tag(tag: str) -> None:
    """Raise UserError unless `tag` can be one."""
    if not TAG.fullmatch(tag) or clean(tag) != tag:
        raise UserError(
            f"{clean(tag)[:60]!r} cannot be a tag: write a word of at most 40 characters, without commas, "
            "colons and quotes, that does not begin with + or -."
        )


def _write(folder: RunFolder, label: Label) -> Label:
    write_json(folder.label, asdict(label))
    return label
