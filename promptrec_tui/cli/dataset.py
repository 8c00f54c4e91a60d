"""`promptrec dataset`: import, list, show, rows, who, delete."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from promptrec_tui.cli import dataset_care
from promptrec_tui.cli.dataset_preview import counts_text, dry_run_import
from promptrec_tui.cli.output import (
    FormOption,
    JsonOption,
    ProgressOption,
    ProgressStyle,
    TableForm,
    print_json,
    print_listing,
    print_table,
    progress_writer,
    workspace,
)
from promptrec_tui.errors import UserError
from promptrec_tui.workspace import datasets
from promptrec_tui.workspace.exports import DATASET_COLUMNS, listing

app = typer.Typer(help="Interactions and the items they are about.", no_args_is_help=True)
COLUMNS = ("name", "id", "users", "items", "interactions", "examples", "rejected", "format", "created")


@app.command("import")
def import_command(
    source: Annotated[Path, typer.Argument(help="A file, a folder of a known layout, or a zip of either.")],
    name: Annotated[str | None, typer.Option("--name", help="Name of the dataset.")] = None,
    format: Annotated[str, typer.Option("--format", help=f"auto, {', '.join(datasets.FORMATS)}.")] = "auto",
    items: Annotated[Path | None, typer.Option("--items", help="The file of the items.")] = None,
    mapping: Annotated[
        list[str] | None, typer.Option("--map", metavar="FIELD=COLUMN", help="Which column a field is in.")
    ] = None,
    encoding: Annotated[
        str | None, typer.Option("--encoding", help=f"Of text files: {', '.join(datasets.ENCODINGS)}.")
    ] = None,
    separator: Annotated[
        str,
        typer.Option("--separator", help=f"Of fields: auto, {', '.join(datasets.SEPARATORS)}, or a mark."),
    ] = "auto",
    quoting: Annotated[
        str, typer.Option("--quoting", help=f"Of CSV and TSV files: {', '.join(datasets.QUOTINGS)}.")
    ] = "auto",
    header: Annotated[
        bool | None,
        typer.Option(
            "--header/--no-header", help="Does the first line hold column names? If not, map by number."
        ),
    ] = None,
    dates: Annotated[
        str, typer.Option("--dates", help=f"In 11/10/2019: {', '.join(datasets.ORDERS)}.")
    ] = "auto",
    splits: Annotated[
        list[str] | None,
        typer.Option(
            "--map-split", metavar="NAME=SPLIT", help="The split that a name in the source stands for."
        ),
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out invalid rows, and report how many.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check only; write nothing.")] = False,
    progress: ProgressOption = ProgressStyle.auto,
    as_json: JsonOption = False,
) -> None:
    """Read interactions, or texts with an answer, into a new dataset."""
    dialect = datasets.Dialect(quoting, header, skip_bad, dates, separator)
    options = datasets.ImportOptions(
        format, items, _pairs(mapping or []), encoding, dialect, _pairs(splits or [])
    )
    if dry_run:
        dry_run_import(source, options, progress_writer(progress), as_json)
        return
    if name is None:
        raise typer.BadParameter("Give the dataset a name.", param_hint="--name")
    with workspace() as here:
        row = datasets.import_source(here, source, name, options, progress_writer(progress))
    if as_json:
        print_json(asdict(row))
        return
    print(f"{row.name}: {counts_text(row)}")
    for warning in row.warnings:
        print(f"note: {warning}")


@app.command("list")
def list_command(form: FormOption = TableForm.text, as_json: JsonOption = False) -> None:
    """List the datasets."""
    with workspace() as here:
        rows = [asdict(row) for row in datasets.list_datasets(here)]
    if as_json:
        print_json(rows)
    elif form is not TableForm.text:
        print_listing(listing(rows, DATASET_COLUMNS), form)
    else:
        print_table(rows, COLUMNS, "No datasets yet: promptrec dataset import SOURCE --name NAME")


@app.command("show")
def show_command(dataset: str, as_json: JsonOption = False) -> None:
    """Show one dataset: counts, source, warnings."""
    with workspace() as here:
        row = asdict(datasets.find_dataset(here, dataset))
    if as_json:
        print_json(row)
    else:
        print_table([{"field": key, "value": value} for key, value in row.items()], ("field", "value"), "")


@app.command("rows")
def rows_command(
    dataset: str,
    start: Annotated[int, typer.Option("--start", min=0, help="The first row, counted from 0.")] = 0,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many rows.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """Show interactions, user by user in time order, or labelled texts."""
    with workspace() as here:
        if datasets.find_dataset(here, dataset).interactions:
            rows = [asdict(row) for row in datasets.dataset_rows(here, dataset, start, limit)]
            columns: tuple[str, ...] = ("user", "position", "title", "rating", "timestamp", "item_key")
        else:
            rows = [asdict(row) for row in datasets.dataset_examples(here, dataset, start, limit)]
            columns = ("split", "label", "fields")
    if as_json:
        print_json(rows)
    else:
        print_table(rows, columns, "No such rows.")


@app.command("who")
def who_command(
    dataset: str,
    item: Annotated[str, typer.Argument(help="Title or key of an item.")],
    is_key: Annotated[
        bool, typer.Option("--key", help="ITEM is a key, even if a title is equal to it.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Maximum number of events.")] = 1_000,
    progress: ProgressOption = ProgressStyle.auto,
    as_json: JsonOption = False,
) -> None:
    """Show who had an item, and when."""
    with workspace() as here:
        tell = progress_writer(progress)
        match, rows = datasets.item_holders(here, dataset, item, limit, tell, is_key)
    if as_json:
        print_json({"item": asdict(match), "rows": [asdict(row) for row in rows]})
        return
    print_table([asdict(row) for row in rows], ("user", "position", "rating", "timestamp"), "Nobody had it.")
    if len(rows) < match.events:
        print(f"The first {len(rows):,} of {match.events:,} events: --limit shows more.")


app.command("lint")(dataset_care.lint_command)
app.command("stats")(dataset_care.stats_command)
app.command("splits")(dataset_care.splits_command)
app.command("clean")(dataset_care.clean_command)


@app.command("delete")
def delete_command(dataset: str, as_json: JsonOption = False) -> None:
    """Delete a dataset that no run uses."""
    with workspace() as here:
        row = datasets.delete_dataset(here, dataset)
    if as_json:
        print_json(asdict(row))
    else:
        print(f"Deleted dataset {row.name}.")


def _pairs(texts: list[str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        field, equals, column = text.partition("=")
        if not (field and equals and column):
            raise UserError(
                f"{text!r} is not FIELD=COLUMN or NAME=SPLIT: write for example --map user=customer_id."
            )
        pairs[field] = column
    return pairs
