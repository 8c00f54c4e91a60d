"""`promptrec model`: list, check, add, move."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from promptrec_tui.cli.output import (
    JsonOption,
    ProgressOption,
    ProgressStyle,
    print_json,
    print_table,
    progress_writer,
    workspace,
)
from promptrec_tui.workspace import models

app = typer.Typer(help="Base models.", no_args_is_help=True)


@app.command("list")
def list_command(as_json: JsonOption = False) -> None:
    """List the base models; the embedded one is first."""
    with workspace() as here:
        listed = models.list_models(here)
    rows = [{**asdict(row), "folder_exists": models.folder_exists(row)} for row in listed]
    if as_json:
        print_json(rows)
        return
    print_table(rows, ("name", "model_type", "family", "parameters", "embedded", "folder"), "No models.")
    for row in listed:
        if not models.folder_exists(row):
            print(f"note: {models.gone_sentence(Path(row.folder), row.name)}")


@app.command("check")
def check_command(
    path: Annotated[Path, typer.Argument(help="A model folder.")], as_json: JsonOption = False
) -> None:
    """Check a model folder without loading it; exit status 1 when it cannot be used."""
    check = models.check_folder(path)
    if as_json:
        print_json({**asdict(check), "folder": str(check.folder)})
    else:
        print_table(
            [
                {"field": key, "value": value}
                for key, value in asdict(check).items()
                if key not in ("problems", "notes")
            ],
            ("field", "value"),
            "",
        )
        for note in check.notes:
            print(f"note: {note}")
        for problem in check.problems:
            print(f"problem: {problem}")
    if not check.ok:
        raise typer.Exit(1)


@app.command("add")
def add_command(
    source: Annotated[
        str,
        typer.Argument(metavar="PATH_OR_ID", help="A model folder, a GGUF file, or a hub id to fetch."),
    ],
    name: Annotated[str, typer.Option("--name", help="Name of the model.")],
    progress: ProgressOption = ProgressStyle.auto,
    as_json: JsonOption = False,
) -> None:
    """Add a base model: a folder is used in place, a GGUF file converted, a hub id fetched (and resumed)."""
    with workspace() as here:
        row = models.add_model(here, source, name, progress_writer(progress))
    if as_json:
        print_json(asdict(row))
    else:
        print(f"Added {row.name}: {row.model_type}, {row.parameters:,} parameters.")
        for note in models.check_model(Path(row.folder)).notes:
            print(f"note: {note}")


@app.command("move")
def move_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A listed model.")],
    folder: Annotated[str, typer.Argument(help="The folder of its files now.")],
    as_json: JsonOption = False,
) -> None:
    """Set the new folder of a listed model; the files must be the same."""
    with workspace() as here:
        row = models.move_model(here, name, folder)
    if as_json:
        print_json(asdict(row))
    else:
        print(f"{row.name} lies in {row.folder}.")
