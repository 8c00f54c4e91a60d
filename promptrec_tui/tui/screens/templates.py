"""Mode 3: the prompt templates, and the rendering of one row."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input, Static

from promptrec_tui.errors import UserError
from promptrec_tui.text import clean
from promptrec_tui.tui import lazy_workspace as workspace
from promptrec_tui.tui.actions import bindings
from promptrec_tui.tui.copying import Copied
from promptrec_tui.tui.screens.audit_template import AuditTemplateScreen
from promptrec_tui.tui.screens.base import BaseScreen
from promptrec_tui.tui.screens.confirm import ConfirmScreen
from promptrec_tui.tui.screens.edit_template import EditTemplateScreen, Row
from promptrec_tui.tui.screens.template_versions import TemplateVersionsScreen
from promptrec_tui.tui.screens.try_templates import TrialsScreen, TryTemplatesScreen
from promptrec_tui.tui.widgets.cells import fit
from promptrec_tui.tui.widgets.empty import Empty
from promptrec_tui.tui.widgets.table import Table
from promptrec_tui.tui.widgets.template_text import (
    ASCII_LINE_END,
    LINE_END,
    rendering_facts,
    rendering_text,
    template_text,
)
from promptrec_tui.tui.widgets.text_pane import TextPane

if TYPE_CHECKING:
    from promptrec_tui.workspace.datasets import DatasetRow
    from promptrec_tui.workspace.models import ModelRow
    from promptrec_tui.workspace.rendering import Rendering
    from promptrec_tui.workspace.templates import TemplateRow

COLUMNS = (("name", 22), ("lang", 4), ("v", 2))
LOOKED_AT = 5_000
NO_DATASET = ("app.data", "go to Data", "data.import", "import one there")


class TemplatesScreen(BaseScreen[None]):
    """The list; the text of the one under the cursor; below it a user's validation target, rendered."""

    PLACE = "templates"
    MODE = "templates"
    BINDINGS = bindings("templates")

    _templates: "tuple[TemplateRow, ...]" = ()
    _datasets: "tuple[DatasetRow, ...]" = ()
    _models: "tuple[ModelRow, ...]" = ()
    _dataset = ""
    _by_task: Mapping[str, list[str]] = {}
    """The ids of the datasets that have rows for a task."""
    _model = ""
    _user: str | None = None
    """The key of the rendered row; None: the first of the dataset."""
    _rendering: "Rendering | None" = None
    _present_task = ""
    _wanted = ""
    """The template to put the cursor on as soon as it is listed."""

    def body(self) -> ComposeResult:
        with Horizontal(id="panes"):
            yield Table(COLUMNS, id="templates")
            with Vertical(id="inside"):
                with TextPane(id="text"):
                    yield Static(id="template")
                yield Input(placeholder="a user, or a number of a text, then enter", id="user", compact=True)
                yield Input(placeholder="the new name, then enter", id="name", compact=True)
                yield Static(id="facts")
                yield Empty("No dataset to render with yet.", *NO_DATASET)
                with TextPane(id="rendered"):
                    yield Static(id="rendering")

    @property
    def present_template(self) -> "TemplateRow | None":
        """The template under the cursor."""
        key = self.query_one("#templates", Table).chosen if self.is_mounted else None
        return next((row for row in self._templates if row.id == key), None)

    @property
    def _names(self) -> tuple[str, str]:
        """The names of dataset and model."""
        dataset = next((row.name for row in self._datasets if row.id == self._dataset), "")
        return dataset, next((row.name for row in self._models if row.id == self._model), "")

    @property
    def _line_end(self) -> str:
        return ASCII_LINE_END if self.promptrec.ascii_only else LINE_END

    def go_to(self, kind: str, key: str) -> None:
        self._wanted = key
        if self.is_mounted and key in (table := self.query_one("#templates", Table)).keys:
            table.choose(key)
            self._wanted = ""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("choose_user", "next_user", "previous_user", "try_templates", "audit"):
            return True if self._dataset else None
        if action == "rename":
            return True if self.present_template and not self.present_template.builtin else None
        if action == "next_dataset":
            return True if len(self._fitting) > 1 else None
        if action == "next_model":
            return True if len(self._models) > 1 else None
        return super().check_action(action, parameters)

    def copied(self) -> Copied | None:
        row = self.present_template
        if row and self.query_one("#templates").has_focus:
            return Copied("template name", row.name)
        if row and self.query_one("#text").has_focus:
            return Copied("template as TOML", workspace.templates.template_to_toml(row))
        if self._rendering and self.query_one("#rendered").has_focus:
            return Copied("prompt", self._rendering.prompt)
        return super().copied()

    async def load(self) -> None:
        await super().load()
        templates = tuple(await self.ask(workspace.templates.list_templates))
        datasets = tuple(await self.ask(workspace.datasets.list_datasets))
        models = tuple(await self.ask(workspace.models.list_models))
        self._by_task = await self.ask(workspace.rendering.datasets_by_task)
        if (templates, datasets, models) == (self._templates, self._datasets, self._models):
            return
        if not self._templates:
            self._dataset = self.promptrec.recall("dataset", "")
        self._templates, self._datasets, self._models = templates, datasets, models
        self._dataset = _among([row.id for row in datasets], self._dataset)
        self._model = _among([row.id for row in models], self._model)
        self.set_class(bool(datasets), "-filled")
        table = self.query_one("#templates", Table)
        table.show({row.id: _cells(row, self.promptrec.glyphs.more) for row in templates})
        table.choose(self._wanted or self.promptrec.recall("template", ""))
        self._wanted = ""
        self.refresh_bindings()
        self._show()

    @on(Table.Chosen, "#templates")
    def _chosen(self, event: Table.Chosen) -> None:
        if event.key:
            self.promptrec.remember(template=event.key)
        self.refresh_bindings()
        self._show()

    def _show(self) -> None:
        if row := self.present_template:
            if row.task != self._present_task:
                # A user's key says nothing of labelled texts, which have numbers.
                self._present_task, self._user = row.task, None
            self._dataset = _among(self._fitting, self._dataset) or self._dataset
            self.query_one("#template", Static).update(template_text(row, self._line_end))
            self._render_last_event(row)

    @work(exclusive=True, group="render", exit_on_error=False)
    async def _render_last_event(self, row: "TemplateRow") -> None:
        facts, rendered = self.query_one("#facts", Static), self.query_one("#rendering", Static)
        if not (self._dataset and self._model):
            facts.update("")
            rendered.update("")
            return
        dataset, model = self._names
        try:
            answer = await self.ask(
                workspace.rendering.render_template, self._dataset, row.id, self._user, self._model
            )
        except UserError as error:
            self._rendering = None
            facts.update(Content(clean(str(error))).stylize("$text-error"))
            rendered.update("")
            return
        self._rendering = answer
        facts.update(rendering_facts(answer, dataset, model))
        rendered.update(rendering_text(answer, self._line_end))
        # The end is what is trained.
        self.query_one("#rendered").scroll_end(animate=False)
        self._user = answer.user

    def action_choose_user(self) -> None:
        self.add_class("-asking")
        self.query_one("#user").focus()

    @on(Input.Submitted, "#user")
    def _user_typed(self, event: Input.Submitted) -> None:
        self._user = event.value.strip() or None
        self.action_back()
        self._show()

    def action_next_user(self) -> None:
        self._step_user(1)

    def action_previous_user(self) -> None:
        self._step_user(-1)

    @work(exclusive=True, group="step", exit_on_error=False)
    async def _step_user(self, by: int) -> None:
        if user := await self.ask(
            workspace.rendering.neighbour, self._dataset, self._present_task, self._user, by
        ):
            self._user = user
            self._show()

    @property
    def _fitting(self) -> list[str]:
        """The ids of the datasets that have rows for the present task."""
        return self._by_task.get(self._present_task, [])

    def action_next_dataset(self) -> None:
        self._dataset = _after(self._fitting or [row.id for row in self._datasets], self._dataset)
        self.promptrec.remember(dataset=self._dataset)
        self._user = None
        self._show()

    def action_next_model(self) -> None:
        self._model = _after([row.id for row in self._models], self._model)
        self._show()

    def action_try_templates(self) -> None:
        self.app.push_screen(TryTemplatesScreen(*self._names), self._tried)

    def _tried(self, document: dict[str, Any] | None) -> None:
        if document is not None:
            self.app.push_screen(TrialsScreen(document))

    def action_edit(self) -> None:
        self._edit(copy=False, outside=False)

    def action_copy(self) -> None:
        self._edit(copy=True, outside=False)

    def action_edit_outside(self) -> None:
        self._edit(copy=False, outside=True)

    @work(group="edit", exit_on_error=False)
    async def _edit(self, copy: bool, outside: bool) -> None:
        if (row := self.present_template) is None:
            return
        opening = await self.ask(workspace.template_editing.template_to_edit, row.id, copy)
        template = opening.template
        if draft := opening.draft:
            question = f"Go on with the draft of {draft.template.name}?"
            cost = f"You left it on {draft.clock}, unsaved. Your next letter elsewhere takes its place."
            if await self.app.push_screen_wait(ConfirmScreen(question, cost, "Go on")):
                template = draft.template
        dataset, model = self._names
        shown = Row(self._dataset, dataset, self._model, model, self._user)
        saved = await self.app.push_screen_wait(EditTemplateScreen(opening, template, shown, outside))
        if saved:
            self._wanted = saved
            self.renew()

    def action_versions(self) -> None:
        if row := self.present_template:
            self.app.push_screen(TemplateVersionsScreen(row.id))

    def action_audit(self) -> None:
        if row := self.present_template:
            self.app.push_screen(AuditTemplateScreen(self._dataset, row.id, self._model))

    def action_rename(self) -> None:
        if row := self.present_template:
            self.add_class("-naming")
            field = self.query_one("#name", Input)
            field.value = row.name
            field.focus()

    @on(Input.Submitted, "#name")
    @work(group="rename", exit_on_error=False)
    async def _renamed(self, event: Input.Submitted) -> None:
        if row := self.present_template:
            await self.ask(workspace.templates.rename_template, row.id, event.value.strip())
        self.action_back()
        self.renew()

    def action_back(self) -> None:
        self.remove_class("-asking", "-naming")
        self.focus_home()


def _among(ids: list[str], wanted: str) -> str:
    """`wanted` if it is there, else the first; empty when there is none."""
    return wanted if wanted in ids else next(iter(ids), "")


def _after(ids: list[str], present: str) -> str:
    """The one behind `present`, the first behind the last or one that is not there."""
    return ids[(ids.index(present) + 1) % len(ids) if present in ids else 0]


def _cells(row: "TemplateRow", more: str) -> tuple[Text, ...]:
    texts = (row.name, row.language, str(row.version))
    return tuple(fit(text, width, more=more) for text, (_, width) in zip(texts, COLUMNS, strict=True))
