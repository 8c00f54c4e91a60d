"""The form that reads a file or folder into a new dataset."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input, Select, Static, TextArea

from promptrec_tui.tui.actions import bindings
from promptrec_tui.tui.screens.command_form import CommandForm, required
from promptrec_tui.tui.screens.form import choice, offer, pairs, row
from promptrec_tui.tui.widgets.path_input import PathInput

FORMATS = ("auto", "movielens", "csv")
ABOUT = (
    "A MovieLens folder (ratings.csv and movies.csv, or the .dat files), or a CSV or TSV file with one "
    "interaction a line: user, item, and if known rating and timestamp. An items file gives titles and "
    "attributes. Common column names are found by themselves; name others below, for example "
    "user=customer_id, item=sku, timestamp=bought_at, key=sku, title=label."
)


class ImportScreen(CommandForm):
    """Answers the `dataset import` document of the new dataset, or None."""

    PLACE = "import_dataset"
    MODE = "data"
    BINDINGS = bindings("import_dataset")
    VERB = "Import"
    NOUN = "dataset"
    WORKING = "opening the file…"

    _defaults: Mapping[str, str] = {"format": "auto", "name": ""}

    def fields(self) -> ComposeResult:
        yield Static(ABOUT, classes="about", markup=False)
        yield row("file or folder", PathInput("a path; right takes the completion", id="source"))
        yield row("name", Input(placeholder="what to call it", id="name", compact=True))
        yield row("items file", PathInput("none", id="items"))
        yield row("format", choice("format"))
        columns = TextArea(id="columns", compact=True, placeholder="field=column, one a line")
        yield row("columns", columns)

    def on_mount(self) -> None:
        offer(self.query_one("#format", Select), FORMATS)
        self.fill(self._defaults)

    def command(self, values: Mapping[str, str]) -> list[str]:
        source = required(values, "source", "Say which file or folder to read.")
        name = required(values, "name", "Give the dataset a name.")
        items = values["items"].strip()
        columns = pairs(values["columns"], "the columns", "user=customer_id")
        return [
            *("dataset", "import", f"--name={name}", f"--format={values['format'] or 'auto'}"),
            *([f"--items={Path(items).expanduser()}"] if items else []),
            *(f"--map={field}={column}" for field, column in columns.items()),
            *("--progress=json", "--json", "--", str(Path(source).expanduser())),
        ]

    def done(self, document: Mapping[str, Any]) -> str:
        rejected = document["rejected"]
        return (
            f"{document['name']}: {document['users']:,} users, {document['items']:,} items, "
            f"{document['interactions']:,} interactions"
            + (f", {rejected:,} rows rejected." if rejected else ".")
        )

    @on(Input.Changed, "#source")
    def _name_it(self, event: Input.Changed) -> None:
        # Left at its default, the name follows the path.
        self.set_defaults({**self._defaults, "name": Path(event.value.strip()).stem})
