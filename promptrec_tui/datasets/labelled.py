"""Texts with an answer: labelled sentences, and instructions with their output."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from promptrec_tui.datasets.delimited import empty_file
from promptrec_tui.datasets.encodings import mark_note, read_lines
from promptrec_tui.datasets.faults import located, quoted, shown_name
from promptrec_tui.datasets.splits import SPLIT_NAMES, SPLITS
from promptrec_tui.datasets.tables import Tick
from promptrec_tui.errors import UserError

MOST_LABEL_CHARACTERS = 60
LOOKED_AT = 200
MOST = 0.75
_LABELLED = re.compile(r".*\S.*@[\w .+-]{1,60}")


@dataclass(frozen=True)
class LabelledLines:
    """A file with one `sentence@label` a line; the last @ parts them."""

    path: Path
    encoding: str
    notes: tuple[str, ...] = ()
    columns: tuple[str, ...] = ("text", "label")
    unit: str = "line"

    def rows(self, tick: Tick | None = None) -> Iterator[tuple[int, list[str]]]:
        """As `Table.rows`; blank lines are passed over."""
        for number, line in enumerate(read_lines(self.path, self.encoding, tick), 1):
            if not (line := line.rstrip("\r\n")):
                continue
            text, mark, label = line.rpartition("@")
            if not mark or len(label) > MOST_LABEL_CHARACTERS:
                raise located(self.path, number, f"{quoted(line)} does not end with @ and a label. Add it")
            yield number, [text, label]

    def relation(self) -> None:
        """Never: which @ parts text and label is decided line by line."""


def read_labelled_lines(path: Path, encoding: str = "utf-8") -> LabelledLines:
    """The file `path` of `sentence@label` lines. Raises UserError when it is empty."""
    if next((line for line in read_lines(path, encoding) if line.strip()), None) is None:
        raise empty_file(path)
    return LabelledLines(path, encoding, mark_note(path, encoding))


def is_labelled(path: Path, encoding: str) -> bool:
    """Do most of the first lines end with @ and a label, and do labels come back?"""
    lines = [line.rstrip("\r\n") for line in islice(read_lines(path, encoding), LOOKED_AT) if line.strip()]
    labels = [line.rpartition("@")[2] for line in lines if _LABELLED.fullmatch(line)]
    return len(labels) >= max(MOST * len(lines), 2) and 2 * len(set(labels)) <= len(labels) + 1


def split_files(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    """The files of a folder that are named after a split (train, valid, test), by split, in that order.

    Raises UserError where two files are named after one split.
    """
    files = [
        (SPLIT_NAMES[path.stem.lower()], path)
        for path in sorted(folder.iterdir())
        if path.stem.lower() in SPLIT_NAMES and path.suffix.lower() in suffixes and path.is_file()
    ]
    if len(dict(files)) < len(files):
        names = ", ".join(shown_name(path) for _, path in files)
        raise UserError(f"{shown_name(folder)} holds a split twice: {names}. Keep one file of each.")
    return dict(sorted(files, key=lambda pair: SPLITS.index(pair[0])))
