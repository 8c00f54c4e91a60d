"""Output of commands: tables and JSON on stdout, progress on stderr."""

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.cells import cell_len, set_cell_size

from promptrec_tui.cli.streams import can_show, write_over
from promptrec_tui.home import find_home
from promptrec_tui.text import clean, is_harmless
from promptrec_tui.workspace.exports import Listing, csv_text, markdown
from promptrec_tui.workspace.opening import Workspace, opened

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]


class TableForm(StrEnum):
    """How a table is printed."""

    text = "text"
    md = "md"
    csv = "csv"


FormOption = Annotated[TableForm, typer.Option("--format", help="Aligned text, Markdown, or CSV in full.")]


class ProgressStyle(StrEnum):
    """How progress is written to stderr."""

    auto = "auto"
    json = "json"
    none = "none"


ProgressOption = Annotated[
    ProgressStyle, typer.Option("--progress", help="Progress on stderr: a bar, JSON lines, or none.")
]
Progress = Callable[[str, int, int], None]


@contextmanager
def workspace() -> Iterator[Workspace]:
    """The user's home, opened and migrated.

    Writes to stderr if the catalogue is read-only or was rebuilt, and at the end the notes of the workspace.
    """
    with opened(find_home()) as here:
        if here.recovered:
            print(f"promptrec: {clean(here.recovered)}", file=sys.stderr)
        if here.catalogue.read_only:
            print(f"promptrec: {clean(here.catalogue.read_only)}", file=sys.stderr)
        try:
            yield here
        finally:
            for note in here.notes:
                print(f"promptrec: {clean(note)}", file=sys.stderr)


def print_json(value: Any) -> None:
    """Print one document in UTF-8 on stdout.

    Control characters that JSON allows unescaped (DEL, C1, bidi) are escaped: the value is the same, and a
    terminal does not interpret them. Other scripts stay readable; they are escaped too if the encoding of
    stdout lacks them.
    """
    text = json.dumps(value, ensure_ascii=False, indent=1)
    if not can_show(text, sys.stdout.encoding):
        text = json.dumps(value, indent=1)
    print(
        "".join(char if char == "\n" or is_harmless(char) else f"\\u{ord(char):04x}" for char in text)
        if any(not line.isprintable() for line in text.split("\n"))
        else text
    )


def print_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], empty: str) -> None:
    """Aligned columns (wide characters count two), or the sentence `empty`."""
    if not rows:
        print(empty)
        return
    cells = [list(columns)] + [[show(row.get(column)) for column in columns] for row in rows]
    widths = [max(cell_len(line[index]) for line in cells) for index in range(len(columns))]
    for line in cells:
        print(
            "  ".join(set_cell_size(cell, width) for cell, width in zip(line, widths, strict=True)).rstrip()
        )


def print_listing(table: Listing, form: TableForm) -> None:
    """Print a table as Markdown or CSV; no control character of it acts on a terminal."""
    text = markdown(table) if form is TableForm.md else csv_text(table)
    print("".join(char for char in text if char == "\n" or is_harmless(char)), end="")


def show(value: Any) -> str:
    """A value as text: 4 digits, thousands apart, – for nothing."""
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:.4g}"
        case _:
            return clean(str(value))


def progress_writer(style: ProgressStyle) -> Progress:
    """A progress callback that writes at most ten times a second, and at every change of phase."""
    if style is ProgressStyle.none:
        return lambda phase, done, total: None
    terminal = sys.stderr.isatty()
    last: tuple[str, float] = ("", 0.0)

    def write(phase: str, done: int, total: int) -> None:
        nonlocal last
        finished = total > 0 and done >= total
        if phase == last[0] and not finished and time.monotonic() - last[1] < 0.1:
            return
        if style is ProgressStyle.json:
            print(json.dumps({"phase": phase, "done": done, "total": total}), file=sys.stderr, flush=True)
        elif terminal:
            write_over(bar(phase, done, total), "\n" if finished else "")
        elif phase != last[0] or finished:
            print(bar(phase, done, total), file=sys.stderr, flush=True)
        else:
            return
        last = (phase, time.monotonic())

    return write


def bar(phase: str, done: int, total: int, width: int = 24) -> str:
    """`phase ━━━━──── 40 % 400/1,000`, or the count alone when the total is unknown."""
    if total <= 0:
        return f"{clean(phase)} {done:,}" if done else clean(phase)
    share = min(done / total, 1.0)
    filled = round(share * width)
    return f"{clean(phase)} {'━' * filled}{'─' * (width - filled)} {share:4.0%} {done:,}/{total:,}"
