"""The form that reads a file or folder into a new dataset."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Input, Select, Static, TextArea

from promptrec_tui.errors import UserError
from promptrec_tui.text import clean
from promptrec_tui.tui.actions import bindings
from promptrec_tui.tui.screens.command_form import CommandForm, required
from promptrec_tui.tui.widgets.field_help import FieldHelp
from promptrec_tui.tui.widgets.fields import choice, key_values, offer, row
from promptrec_tui.tui.widgets.path_input import PathInput
from promptrec_tui.tui.widgets.source_text import source_text

FORMATS = ("auto", "movielens", "recbole", "csv", "jsonl", "parquet", "instruction", "labelled")
ENCODINGS = (
    *("utf-8", "utf-16", "cp1252", "latin-1", "gb18030", "big5", "shift_jis", "euc-kr", "cp1251"),
    *("utf-16-le", "utf-16-be"),
)
SEPARATORS = ("auto", "comma", "tab", "semicolon", "bar", "colons", "space")
QUOTINGS = ("auto", "csv", "none")
FIRST_LINES = {"as it looks": None, "names": True, "data": False}
DATES = ("auto", "day-first", "month-first")
BAD_ROWS = {"end the import": False, "are left out": True}
ABOUT = (
    "Interactions (MovieLens, RecBole, CSV, TSV, JSON Lines, Parquet) or texts with an answer (instruction "
    "JSON, labelled text); or a zip of these."
)
TEACHES = {
    "source": FieldHelp("What is read; it is not changed.", "SOURCE", "a file, a folder or a zip archive"),
    "name": FieldHelp("What to call the dataset.", "--name"),
    "items": FieldHelp("Titles and attributes, where they are in a second file.", "--items", "a file"),
    "format": FieldHelp("How the source is laid out.", "--format", "auto looks at it"),
    "encoding": FieldHelp("How its bytes become letters.", "--encoding"),
    "separator": FieldHelp("What stands between columns.", "--separator", "auto looks at it"),
    "quoting": FieldHelp("Whether quotes hold cells together.", "--quoting"),
    "first": FieldHelp("Whether the first line names the columns.", "--header, --no-header"),
    "dates": FieldHelp("Which number of 01/02/2024 is the day.", "--dates"),
    "bad": FieldHelp("What becomes of rows that cannot be read.", "--skip-bad"),
    "columns": FieldHelp("Which column is which field.", "--map", "field=column, one a line"),
    "splits": FieldHelp("Which split a name of the source means.", "--map-split", "name=split, one a line"),
}
"""What each field is for, and its option of the command."""

PAUSE_SECONDS = 0.4
TALL_ROWS = 5


class ImportScreen(CommandForm):
    """Returns the `dataset import` document of the new dataset, or None."""

    PLACE = "import_dataset"
    MODE = "data"
    BINDINGS = bindings("import_dataset")
    VERB = "Import"
    NOUN = "dataset"
    WORKING = "opening the file…"
    HAS_KEYS = False
    TEACHES = TEACHES

    _defaults: Mapping[str, str] = {
        "format": "auto",
        "encoding": "utf-8",
        "separator": "auto",
        "quoting": "auto",
        "first": "as it looks",
        "dates": "auto",
        "bad": "end the import",
        "name": "",
    }
    _previewed: Any = None
    """The options whose preview is shown or on its way."""

    def fields(self) -> ComposeResult:
        yield Static(ABOUT, classes="about", markup=False)
        yield row("file or folder", PathInput("a path; right takes the completion", id="source"))
        yield row("name", Input(placeholder="what to call it", id="name", compact=True))
        yield row("items file", PathInput("none", id="items"))
        yield row("format", choice("format", "--format"))
        yield row("encoding", choice("encoding", "the encoding"))
        yield row("separator", choice("separator", "--separator"))
        yield row("quotes", choice("quoting", "--quoting"))
        yield row("first line", choice("first", "--no-header"))
        yield row("dates", choice("dates", "--dates"))
        yield row("bad rows", choice("bad", "--skip-bad"))
        yield row("columns", _lines("columns", "--map", "where found wrong: field=column, one a line"))
        yield row("split names", _lines("splits", "--map-split", "where asked: name=split, one a line"))
        yield Static(id="preview", markup=False)

    def on_mount(self) -> None:
        offer(self.query_one("#format", Select), FORMATS)
        offer(self.query_one("#encoding", Select), ENCODINGS)
        offer(self.query_one("#separator", Select), SEPARATORS)
        offer(self.query_one("#quoting", Select), QUOTINGS)
        offer(self.query_one("#first", Select), FIRST_LINES)
        offer(self.query_one("#dates", Select), DATES)
        offer(self.query_one("#bad", Select), BAD_ROWS)
        self.fill(self._defaults)

    def command(self, values: Mapping[str, str]) -> list[str]:
        source = required(values, "source", "Say which file or folder to read.")
        name = required(values, "name", "Give the dataset a name.")
        items = values["items"].strip()
        columns, splits = _pairs(values)
        return [
            *("dataset", "import", f"--name={name}", f"--format={values['format'] or 'auto'}"),
            # The reader of MovieLens knows its encoding, so the default is not passed on.
            *([f"--encoding={values['encoding']}"] if values["encoding"] not in ("", "utf-8") else []),
            *([f"--items={Path(items).expanduser()}"] if items else []),
            *(f"--map={field}={column}" for field, column in columns.items()),
            *(f"--map-split={name}={split}" for name, split in splits.items()),
            *([f"--separator={values['separator']}"] if values["separator"] in SEPARATORS[1:] else []),
            *([f"--quoting={values['quoting']}"] if values["quoting"] in QUOTINGS[1:] else []),
            *{"names": ["--header"], "data": ["--no-header"]}.get(values["first"], []),
            *([f"--dates={values['dates']}"] if values["dates"] in DATES[1:] else []),
            *(["--skip-bad"] if BAD_ROWS.get(values["bad"]) else []),
            *("--progress=json", "--json", "--", str(Path(source).expanduser())),
        ]

    def done(self, document: Mapping[str, Any]) -> str:
        counted = ("examples",) if document["examples"] else ("users", "items", "interactions")
        text = ", ".join(f"{document[noun]:,} {noun}" for noun in counted)
        rejected = f", {document['rejected']:,} rows rejected" if document["rejected"] else ""
        return f"{document['name']}: {text}{rejected}."

    @on(Input.Changed, "#source, #items")
    @on(Select.Changed)
    @on(TextArea.Changed)
    def _look(self) -> None:
        if self.is_mounted:
            if not self.busy:
                # The problem is of the form before this change.
                self.show_problem("")
            self._preview()

    @work(exclusive=True, group="preview", exit_on_error=False)
    async def _preview(self) -> None:
        """Show how the source would be read; a change replaces the preview that is under way."""
        await asyncio.sleep(PAUSE_SECONDS)
        try:
            options = _options(self.values())
        except UserError as error:
            self._previewed = None
            self._show_preview(Content(clean(str(error))))
            return
        if options is None:
            self._previewed = None
            self._show_preview(Content(""))
        elif options != self._previewed:
            self._show_preview(Content("looking…"))
            self._previewed = options
            try:
                with self.promptrec.waits.waiting("looking into the source"):
                    preview = await self.promptrec.backend.preview(*options)
            except asyncio.CancelledError:
                # The change that cancels it may leave the options as they are.
                self._previewed = None
                raise
            width, tall = max(self.size.width - 4, 20), self.size.height > 30
            self._show_preview(source_text(preview, width, TALL_ROWS if tall else 2, self.promptrec.glyphs))

    def _show_preview(self, text: Content | Text) -> None:
        self.query_one("#preview", Static).update(text)

    @on(Input.Changed, "#source")
    def _name_it(self, event: Input.Changed) -> None:
        # A name that was not edited follows the path.
        self.set_defaults({**self._defaults, "name": Path(event.value.strip()).stem})


def _lines(id: str, name: str, hint: str) -> TextArea:
    return TextArea(id=id, name=name, compact=True, placeholder=hint)


def _options(values: Mapping[str, str]) -> tuple[Any, ...] | None:
    """The arguments of the backend's `preview`; None without a source. Raises UserError for a bad mapping."""
    if not (source := values["source"].strip()):
        return None
    items = values["items"].strip()
    columns, splits = _pairs(values)
    encoding = values["encoding"] if values["encoding"] not in ("", "utf-8") else None
    dialect = (
        values["quoting"] or "auto",
        FIRST_LINES.get(values["first"]),
        BAD_ROWS.get(values["bad"], False),
        values["dates"] or "auto",
        values["separator"] or "auto",
    )
    place = Path(items) if items else None
    return Path(source), values["format"] or "auto", place, columns, encoding, dialect, splits


def _pairs(values: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The columns by field, and the splits by name. Raises UserError for a line that is not key=value."""
    columns = key_values(values["columns"], "the columns", "user=customer_id")
    return columns, key_values(values["splits"], "the split names", "holdout=test")
