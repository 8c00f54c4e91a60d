"""`promptrec dataset import --dry-run`: the counts and warnings of an import, without a result."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from promptrec_tui.cli.output import Progress, print_json, print_table, workspace
from promptrec_tui.errors import UserError
from promptrec_tui.workspace import datasets

SHOWN_CHARACTERS = 40


def dry_run_import(source: Path, options: datasets.ImportOptions, progress: Progress, as_json: bool) -> None:
    """Print format, columns and first rows, then the counts and warnings of the whole import.

    Raises UserError after that, if the import would.
    """
    with workspace() as here:
        seen = datasets.preview(here, source, options)
        document = asdict(seen)
        try:
            tried = datasets.try_import(here, source, options, progress)
        except UserError as error:
            document["problems"] = [str(error)]
            _show(document, as_json)
            raise
    document |= asdict(tried) | {"problems": []}
    _show(document, as_json)
    if not as_json:
        print(f"It would hold {counts_text(tried)}.")
        for warning in tried.warnings:
            print(f"note: {warning}")


def counts_text(row: "datasets.DatasetRow | datasets.Imported") -> str:
    """The counts, in words."""
    counted = ("examples",) if row.examples else ("users", "items", "interactions")
    text = ", ".join(f"{getattr(row, noun):,} {noun}" for noun in counted)
    return text + (f", {row.rejected:,} rows rejected" if row.rejected else "")


def _show(document: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(document)
        return
    if document["format"]:
        print(f"{document['format']}: {document['why']}; encoding {document['encoding']}")
    for part in document["parts"]:
        columns = ", ".join(f"{field} = {column}" for field, column in part["mapping"].items())
        print(f"\n{part['content']} of {part['file']}: {columns or 'no columns found'}")
        rows = [dict(zip(part["columns"], _short(row), strict=True)) for row in part["rows"]]
        print_table(rows, part["columns"], "No rows.")


def _short(row: Sequence[str]) -> list[str]:
    return [text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…" for text in row]
