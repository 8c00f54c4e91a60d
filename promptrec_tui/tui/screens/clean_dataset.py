"""The form that makes a cleaned copy of a dataset."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from textual import work
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Input, Select, Static

from promptrec_tui.errors import UserError
from promptrec_tui.text import clean
from promptrec_tui.tui.actions import bindings, key_for
from promptrec_tui.tui.child import run_child
from promptrec_tui.tui.screens.command_form import CommandForm, required
from promptrec_tui.tui.widgets.field_help import FieldHelp
from promptrec_tui.tui.widgets.fields import offer, row
from promptrec_tui.tui.widgets.progress_line import ProgressLine

if TYPE_CHECKING:
    from promptrec_tui.workspace.datasets import DatasetRow

CHOICES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "times": ("time unit", ("seconds",)),
    "dedupe": ("same event twice", ("first", "last")),
    "repeats": ("same item again", ("first", "last")),
    "rating": ("rating at least", ()),
    "untitled": ("without a title", ("drop",)),
    "titles": ("titles", ("tidy", "articles", "merge")),
    "kcore": ("k-core", ()),
    "unseen": ("items nobody had", ("drop",)),
    "entities": ("HTML entities", ("unescape",)),
    "texts": ("same text twice", ("once",)),
    "users": ("user keys", ("pseudonyms",)),
}
"""The steps in the order of their execution: label and choices; a step without choices takes a number."""

TEACHES = {
    "name": FieldHelp("What to call the new dataset.", "--name"),
    "times": FieldHelp("Read all times in one unit.", "--step times"),
    "dedupe": FieldHelp("Keep one of events that agree in user, item and time.", "--step dedupe"),
    "repeats": FieldHelp("Keep one event of a user with an item.", "--step repeats"),
    "rating": FieldHelp("Keep what was liked.", "--step rating", "a number"),
    "untitled": FieldHelp("Leave out items without a title: no prompt can name them.", "--step untitled"),
    "titles": FieldHelp("Make alike what means the same.", "--step titles"),
    "kcore": FieldHelp("Keep users and items with so many events.", "--step kcore", "a number, or two"),
    "unseen": FieldHelp("Leave out items that nobody had; else they are ranked, too.", "--step unseen"),
    "entities": FieldHelp("Turn &amp; into &.", "--step entities"),
    "texts": FieldHelp("Keep one of texts that are the same.", "--step texts"),
    "users": FieldHelp("Replace the keys of users by pseudonyms.", "--step users"),
}
"""What each field is for, and its option of the command."""

HELP = {"rating": "a number; what is left counts as liked", "kcore": "a number, or two: of users, of items"}
ABOUT = "Makes a new dataset; the old one stays as it is. {} counts what each step would do."


class CleanScreen(CommandForm):
    """Returns the `dataset clean` document of the new dataset, or None."""

    TEACHES = TEACHES
    PLACE = "clean_dataset"
    MODE = "data"
    BINDINGS = bindings("clean_dataset")
    VERB = "Clean"
    WORKING = "opening the dataset…"

    def __init__(self, dataset: "DatasetRow") -> None:
        super().__init__()
        self._dataset = dataset
        self._defaults = {"name": f"{dataset.name}-clean"}

    def fields(self) -> ComposeResult:
        yield Static(ABOUT.format(key_for("form.count")), classes="about", markup=False)
        yield row("new dataset", Input(placeholder="what to call it", id="name", compact=True))
        for step, (label, choices) in CHOICES.items():
            if choices:
                yield row(label, Select[str]((), allow_blank=True, prompt="as it is", id=step, compact=True))
            else:
                yield row(label, Input(placeholder=HELP[step], id=step, compact=True))
        yield Static(id="effects", markup=False)

    def on_mount(self) -> None:
        for step, (_, choices) in CHOICES.items():
            if choices:
                offer(self.query_one(f"#{step}", Select), choices)
        self.fill(self._defaults)

    def command(self, values: Mapping[str, str]) -> list[str]:
        name = required(values, "name", "Give the new dataset a name.")
        return [*self._steps(values), f"--name={name}", "--", self._dataset.id]

    def done(self, document: Mapping[str, Any]) -> str:
        return f"{document['name']}: " + _left(document)

    @work(exclusive=True, group="submit", exit_on_error=False)
    async def action_count(self) -> None:
        """Show the effect of each step, without writing a dataset."""
        progress = self.query_one(ProgressLine)

        def show(phase: str, done: int, total: int) -> None:
            progress.at = (phase, done, total)

        self.show_problem("")
        progress.at = ("opening the dataset…", 0, 0)
        try:
            arguments = [*self._steps(self.values()), "--dry-run", "--", self._dataset.id]
            document = await run_child(self.promptrec.home, arguments, show)
        except UserError as error:
            self.show_problem(str(error))
            return
        finally:
            progress.at = None
        lines = [*(effect["sentence"] for effect in document["effects"]), f"Left: {_left(document)}"]
        effects = self.query_one("#effects", Static)
        effects.update(Content("\n".join(map(clean, lines))))
        self.call_after_refresh(effects.scroll_visible, animate=False)

    def _steps(self, values: Mapping[str, str]) -> list[str]:
        chosen = [f"--step={step}={value}" for step in CHOICES if (value := values[step].strip())]
        if not chosen:
            raise UserError("Choose at least one step.")
        return ["dataset", "clean", *chosen, "--progress=json", "--json"]


def _left(document: Mapping[str, Any]) -> str:
    counts = {noun: document[noun] for noun in ("users", "items", "interactions", "examples")}
    return ", ".join(f"{count:,} {noun}" for noun, count in counts.items() if count) + "."
