"""The form that lists a base model: a folder on this machine, or a download from the hub."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Input, Static

from promptrec_tui.text import clean
from promptrec_tui.tui.actions import bindings
from promptrec_tui.tui.screens.command_form import CommandForm, required
from promptrec_tui.tui.widgets.field_help import FieldHelp
from promptrec_tui.tui.widgets.fields import row
from promptrec_tui.tui.widgets.path_input import PathInput

ABOUT = (
    "A folder is used where it lies; a GGUF file is made a folder in the home. A hub id, such as "
    "Qwen/Qwen3-0.6B, is fetched into the home: size and free disk are shown first, and a download that was "
    "cut short goes on where it stopped. Only safetensors weights of known types are taken, and no code."
)


class AddModelScreen(CommandForm):
    """Returns the `model add` document of the new model, or None."""

    PLACE = "add_model"
    MODE = "models"
    BINDINGS = bindings("add_model")
    VERB = "Add"
    NOUN = "model"
    WORKING = "looking at the model…"

    TEACHES = {  # noqa: RUF012 (a constant)
        "source": FieldHelp(
            "Where its weights are.", "PATH_OR_ID", "a folder, a GGUF file, or owner/name on the hub"
        ),
        "name": FieldHelp("What to call the model.", "--name"),
    }

    _defaults: Mapping[str, str] = {"name": ""}
    _plan = ""

    def fields(self) -> ComposeResult:
        yield Static(ABOUT, classes="about", markup=False)
        yield row("folder, file, id", PathInput("/models/qwen, or owner/name", id="source"))
        yield row("name", Input(placeholder="what to call it", id="name", compact=True))
        yield Static(id="plan", classes="about")

    def command(self, values: Mapping[str, str]) -> list[str]:
        source = required(values, "source", "Say which folder or hub id to add.")
        name = required(values, "name", "Give the model a name.")
        self._plan = ""
        self.query_one("#plan", Static).update("")
        path = Path(source).expanduser()
        return [
            *("model", "add", f"--name={name}", "--progress=json", "--json", "--"),
            str(path) if path.exists() else source,
        ]

    def done(self, document: Mapping[str, Any]) -> str:
        return f"Added {document['name']}: {document['parameters']:,} parameters."

    def phase_changed(self, phase: str) -> None:
        # The first phase of a download, its size and the free disk, stays on the screen.
        if not self._plan:
            self._plan = phase
            self.query_one("#plan", Static).update(Content(clean(phase)))

    @on(Input.Changed, "#source")
    def _name_it(self, event: Input.Changed) -> None:
        self.set_defaults({**self._defaults, "name": Path(event.value.strip()).name})
