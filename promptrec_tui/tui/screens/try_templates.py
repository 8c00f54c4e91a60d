"""The form that compares templates on the same users, and the screen with their results."""

from collections.abc import Mapping
from typing import Any

from textual.app import ComposeResult
from textual.widgets import Input, Select, Static

from promptrec_tui.tui import lazy_workspace as workspace
from promptrec_tui.tui.actions import bindings
from promptrec_tui.tui.screens.base import BaseScreen
from promptrec_tui.tui.screens.command_form import CommandForm, required
from promptrec_tui.tui.screens.form import FieldError
from promptrec_tui.tui.widgets.field_help import FieldHelp
from promptrec_tui.tui.widgets.fields import choice, offer, row
from promptrec_tui.tui.widgets.text_pane import TextPane
from promptrec_tui.tui.widgets.trial_text import trials_text

RUN = "run: "
"""Prefix of the names of runs among the models."""

ABOUT = (
    "The same model recommends to the same users under each template, before anything is tuned: all "
    "templates on few users, the best ones on more. All figures are of validation targets."
)


class TryTemplatesScreen(CommandForm):
    """Answers the `template try` document, or None."""

    PLACE = "try_templates"
    MODE = "templates"
    BINDINGS = bindings("try_templates")
    VERB = "Try"
    WORKING = "loading the model…"

    TEACHES = {  # noqa: RUF012 (a constant)
        "dataset": FieldHelp("Whose users are ranked for.", "--dataset"),
        "model": FieldHelp("What ranks: a base model, or a run that is done.", "--model, --run"),
        "templates": FieldHelp("Which are compared.", "--template", "all, or names with commas"),
        "users": FieldHelp("How many users the best of them get.", "--users", "a whole number, at least 1"),
        "orders": FieldHelp("Try each with the newest event first, too.", "--orders"),
        "words": FieldHelp("Leave out parts of the prompt in turn, to see what they are worth.", "--words"),
    }

    _offered = False
    """Whether there is something to choose from: only then can a draft be taken."""

    def __init__(self, dataset: str, model: str) -> None:
        super().__init__()
        self._defaults = {
            "dataset": dataset,
            "model": model,
            "templates": "all",
            "users": "64",
            "orders": "no",
            "words": "no",
        }

    def fields(self) -> ComposeResult:
        yield Static(ABOUT, classes="about", markup=False)
        yield row("dataset", choice("dataset"))
        yield row("model", choice("model"))
        yield row("templates", Input(placeholder="all, or names with commas", id="templates", compact=True))
        yield row("users", Input(id="users", type="integer", compact=True))
        yield row("newest first too", choice("orders"))
        yield row("weigh words", choice("words"))

    async def load(self) -> None:
        await super().load()
        datasets = [entry.name for entry in await self.ask(workspace.datasets.list_datasets)]
        models = [entry.name for entry in await self.ask(workspace.models.list_models)]
        tuned = [
            RUN + entry.name
            for entry in await self.ask(workspace.run_views.refreshed_runs)
            if entry.state == "done"
        ]
        for name, names in (("dataset", datasets), ("model", models + tuned)):
            offer(self.query_one(f"#{name}", Select), names)
        for name in ("orders", "words"):
            offer(self.query_one(f"#{name}", Select), ("no", "yes"))
        if not self._offered:
            self._offered = True
            self.fill(self._defaults)
            self.take_draft()

    def take_draft(self) -> None:
        if self._offered:
            super().take_draft()

    def command(self, values: Mapping[str, str]) -> list[str]:
        dataset = required(values, "dataset", "Choose a dataset.")
        model = required(values, "model", "Choose a model, or a run that is done.")
        users = required(values, "users", "Say on how many users.")
        if not users.isdecimal() or int(users) < 1:
            raise FieldError("users", "users must be a whole number, at least 1.")
        names = [name.strip() for name in values["templates"].split(",") if name.strip() not in ("", "all")]
        whose = f"--run={model.removeprefix(RUN)}" if model.startswith(RUN) else f"--model={model}"
        return [
            *("template", "try", f"--dataset={dataset}", whose, f"--users={users}"),
            *(f"--template={name}" for name in names),
            *(["--orders"] if values["orders"] == "yes" else []),
            *(["--words"] if values["words"] == "yes" else []),
            *("--progress=json", "--json"),
        ]

    def done(self, document: Mapping[str, Any]) -> str:
        return f"{len(document['trials'])} templates tried; the best is {document['trials'][0]['name']}."


class TrialsScreen(BaseScreen[None]):
    """The results: the `template try` document as text."""

    PLACE = "trials"
    MODE = "templates"
    BINDINGS = bindings("trials")
    HOME = "TextPane"

    def __init__(self, document: Mapping[str, Any]) -> None:
        super().__init__()
        self._document = document

    def body(self) -> ComposeResult:
        with TextPane():
            yield Static(trials_text(self._document), id="tried")
