"""`promptrec run`: tag, note, rename, pin, unpin, archive, unarchive."""

from dataclasses import asdict
from typing import Annotated

import typer

from promptrec_tui.cli.output import JsonOption, print_json, workspace
from promptrec_tui.text import clean
from promptrec_tui.workspace import labels
from promptrec_tui.workspace.runs import RunRow

TAG_WORDS = {"ignore_unknown_options": True}
"""So that a tag to be taken away, such as -old, is no option."""


def tag_command(
    run: str,
    words: Annotated[list[str], typer.Argument(metavar="+TAG|-TAG…", help="Such as: +films -old.")],
    as_json: JsonOption = False,
) -> None:
    """Add tags to a run, and take others away."""
    with workspace() as here:
        _print(labels.tag_runs(here, [run], words)[0], as_json)


def note_command(
    run: str,
    text: Annotated[str, typer.Argument(help='One line; "" takes the note away.')],
    as_json: JsonOption = False,
) -> None:
    """Write a note about a run."""
    with workspace() as here:
        _print(labels.note_run(here, run, text), as_json)


def rename_command(run: str, name: str, as_json: JsonOption = False) -> None:
    """Rename a run; its result keeps the name that it was made with."""
    with workspace() as here:
        _print(labels.rename_run(here, run, name), as_json)


def pin_command(run: str, as_json: JsonOption = False) -> None:
    """Keep a run on top of the list."""
    with workspace() as here:
        _print(labels.pin_runs(here, [run])[0], as_json)


def unpin_command(run: str, as_json: JsonOption = False) -> None:
    """Put a run back into the order of the list."""
    with workspace() as here:
        _print(labels.pin_runs(here, [run], False)[0], as_json)


def archive_command(run: str, as_json: JsonOption = False) -> None:
    """Hide a run from the list; `run list archived` shows it. Nothing is deleted."""
    with workspace() as here:
        _print(labels.archive_runs(here, [run])[0], as_json)


def unarchive_command(run: str, as_json: JsonOption = False) -> None:
    """Show an archived run in the list again."""
    with workspace() as here:
        _print(labels.archive_runs(here, [run], False)[0], as_json)


def _print(row: RunRow, as_json: bool) -> None:
    if as_json:
        print_json(asdict(row))
        return
    words = [*(f"#{tag}" for tag in row.tags), *(["pinned"] * row.pinned), *(["archived"] * row.archived)]
    words += [row.note] if row.note else []
    print(f"{clean(row.name)}: {clean('  '.join(words)) or 'no tags, no note'}")
