"""The editor of a template: its texts, their errors, and the rendering of one row."""

import os
import shlex
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual import on, work
from textual.app import ComposeResult, SuspendNotSupported
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Input, Static, TextArea

from promptrec_tui.errors import UserError
from promptrec_tui.tui import lazy_workspace as workspace
from promptrec_tui.tui.actions import bindings, key_for
from promptrec_tui.tui.screens.base import BaseScreen
from promptrec_tui.tui.widgets.template_area import TemplateArea
from promptrec_tui.tui.widgets.template_text import (
    LINE_ENDS,
    problem_text,
    rendering_facts,
    rendering_text,
)
from promptrec_tui.tui.widgets.text_pane import TextPane

if TYPE_CHECKING:
    from promptrec_tui.workspace.template_editing import Opening
    from promptrec_tui.workspace.templates import Template

RENDER_SECONDS = 0.005
"""Delay from a keystroke to the rendering; an earlier next keystroke restarts it."""

DRAFT_SECONDS = 0.5
ESCAPES = {"\\n": "\n", "\\t": "\t"}


@dataclass(frozen=True)
class Row:
    """The row that is rendered: ids and names of dataset and model, and the key of a user."""

    dataset: str
    dataset_name: str
    model: str
    model_name: str
    user: str | None


class EditTemplateScreen(BaseScreen[str]):
    """Answers the id of the version that was saved, or None. `outside`: begin in `$EDITOR`."""

    PLACE = "edit_template"
    MODE = "templates"
    BINDINGS = bindings("edit_template")
    HOME = "TextPane"

    def __init__(self, opening: "Opening", template: "Template", row: Row, outside: bool = False) -> None:
        super().__init__()
        self._base, self._key = opening.base, opening.key
        self._saved = opening.template
        self._began = template
        self._wrap = template.wrap
        self._row = row
        self.set_reactive(BaseScreen.crumbs, (template.name, "Editor"))
        self._outside = outside
        self._unread = ""
        """A TOML text that could not be read: the next visit to `$EDITOR` begins with it."""
        self._waiting: dict[str, Timer] = {}
        self._ready = False

    def body(self) -> ComposeResult:
        with Horizontal(id="panes"):
            with Vertical(id="texts"):
                with Horizontal(id="names"):
                    yield Input(placeholder="name", id="name", compact=True)
                    yield Static("ends with", classes="label")
                    yield Input(placeholder="the model's own", id="end", compact=True)
                yield Static(id="wrap")
                for entry in self._began.text_fields():
                    label, optional = entry.metadata["label"], entry.default == ""
                    if not optional:
                        yield Static(label, classes="label")
                    yield TemplateArea(entry.name, label if optional else "")
            with Vertical(id="shown"):
                yield Static(id="problem")
                yield Static(id="facts")
                with TextPane(id="rendered"):
                    yield Static(id="rendering")

    def on_mount(self) -> None:
        self._fill(self._began)
        self.query_one("#name", Input).disabled = bool(self._base)
        # The base's handler comes after this one, and puts the focus where keys are commands.
        self.call_after_refresh(self.query_one("#prompt").focus)
        self._ready = True
        self._render_soon()
        if self._outside:
            self.call_after_refresh(self.action_open_editor)

    @property
    def template(self) -> "Template":
        """What stands in the fields."""
        end = self.query_one("#end", Input).value
        for escape, char in ESCAPES.items():
            end = end.replace(escape, char)
        texts: dict[str, Any] = {str(area.id): area.text for area in self.query(TemplateArea)}
        return replace(
            self._began,
            name=self.query_one("#name", Input).value,
            end_token=end or None,
            wrap=self._wrap,
            **texts,
        )

    def keep(self) -> None:
        if self._ready and self.template != self._began:
            keep_draft = workspace.drafts.keep_draft
            self.promptrec.backend.soon(keep_draft, self._key, self.template, self._base)

    def _fill(self, template: "Template") -> None:
        self._began = template
        self._wrap = template.wrap
        end = template.end_token or ""
        for escape, char in ESCAPES.items():
            end = end.replace(char, escape)
        self.query_one("#name", Input).value = template.name
        self.query_one("#end", Input).value = end
        for area in self.query(TemplateArea):
            area.text = getattr(template, str(area.id))

    @on(TextArea.Changed)
    @on(Input.Changed)
    def _typed(self) -> None:
        if self._ready and self.template != self._began:
            self._after("draft", DRAFT_SECONDS, self._keep)
            self._render_soon()

    def _render_soon(self) -> None:
        self._after("render", RENDER_SECONDS, self._render_now)

    def _after(self, name: str, seconds: float, act: "object") -> None:
        if name in self._waiting:
            self._waiting[name].stop()
        self._waiting[name] = self.set_timer(seconds, act)  # type: ignore[arg-type]

    @work(exclusive=True, group="render", exit_on_error=False)
    async def _render_now(self) -> None:
        template, row = self.template, self._row
        self.set_class(self._wrap == "chat", "-chat")
        problem = self.query_one("#problem", Static)
        try:
            answer = await self.ask(
                workspace.rendering.render_draft, row.dataset, template, row.user, row.model
            )
        except UserError as error:
            # The last good rendering stays while a tag is half typed.
            problem.update(problem_text(error))
            self.query_one("#shown").add_class("-wrong")
            self._show_wrap()
            return
        problem.update("")
        self.query_one("#shown").remove_class("-wrong")
        # A step to another row may have been taken meanwhile.
        if self._row is row:
            self._row = replace(row, user=answer.user)
        facts = rendering_facts(answer, row.dataset_name, row.model_name, self.promptrec.glyphs)
        self.query_one("#facts", Static).update(facts)
        end = LINE_ENDS[self.promptrec.ascii_only]
        self.query_one("#rendering", Static).update(rendering_text(answer, end))
        self.set_class(answer.chat, "-chat")
        self._show_wrap("a chat with this model" if answer.chat else "plain text")
        # The end is what is trained.
        self.query_one("#rendered").scroll_end(animate=False)

    def _show_wrap(self, meaning: str = "") -> None:
        text = Content.assemble(("wrap ", "dim"), self._wrap, (f"  {meaning}", "dim"))
        self.query_one("#wrap", Static).update(text)

    @work(exclusive=True, group="draft", exit_on_error=False)
    async def _keep(self) -> None:
        await self.ask(workspace.drafts.keep_draft, self._key, self.template, self._base)

    @work(exclusive=True, group="save", exit_on_error=False)
    async def action_save(self) -> None:
        template = self.template
        if self._base and template == self._saved:
            self.notify_text("Nothing has changed since the last version.")
            return
        if waiting := self._waiting.get("draft"):
            waiting.stop()
        try:
            saved = await self.ask(workspace.template_editing.save_edited, template, self._base, self._key)
        except UserError as error:
            self.query_one("#problem", Static).update(problem_text(error))
            return
        said = f"Saved {saved.row.name}, version {saved.row.version}."
        if saved.meanwhile:
            said += (
                f" Version {saved.meanwhile.version} was saved elsewhere while you wrote: "
                f"both are kept, {key_for('templates.versions')} shows what differs."
            )
        self.notify_text(said, "warning" if saved.meanwhile else "information")
        self.dismiss(saved.row.id)

    def action_next_wrap(self) -> None:
        wraps = self._began.WRAPS
        self._wrap = wraps[(wraps.index(self._wrap) + 1) % len(wraps)] if self._wrap in wraps else wraps[0]
        self._typed()

    def action_next_user(self) -> None:
        self._step_user(1)

    def action_previous_user(self) -> None:
        self._step_user(-1)

    @work(exclusive=True, group="step", exit_on_error=False)
    async def _step_user(self, by: int) -> None:
        row = self._row
        if user := await self.ask(workspace.rendering.neighbour, row.dataset, self._began.task, row.user, by):
            self._row = replace(row, user=user)
            self._render_soon()

    @work(exclusive=True, group="outside", exit_on_error=False)
    async def action_open_editor(self) -> None:
        template = self.template
        text = self._unread or await self.ask(lambda _: workspace.templates.template_to_toml(template))
        path = self.promptrec.home.root / "drafts" / f"{self._key}.toml"
        try:
            edited = self._edit(path, text)
        except SuspendNotSupported:
            self.notify_text("This terminal cannot be lent to another editor.", "error")
            return
        except OSError as error:
            self.notify_text(f"{_editor()[0]} cannot be started: {error.strerror}. Set EDITOR.", "error")
            return
        try:
            template = await self.ask(lambda _: workspace.templates.read_toml(edited))
        except UserError as error:
            self._unread = edited
            self.query_one("#problem", Static).update(problem_text(error))
            return
        self._unread = ""
        self._fill(replace(template, name=self._began.name) if self._base else template)
        self._after("draft", DRAFT_SECONDS, self._keep)
        self._render_soon()

    def _edit(self, path: Path, text: str) -> str:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        try:
            with self.app.suspend():
                subprocess.run([*_editor(), str(path)], stderr=sys.__stderr__, check=False)
            return path.read_text(encoding="utf-8", errors="replace")
        finally:
            path.unlink(missing_ok=True)

    def action_back(self) -> None:
        """Leave the field, else the editor; what was typed stays as a draft."""
        if isinstance(self.focused, Input | TextArea):
            self.focus_home()
            return
        if self.template != self._saved:
            self._keep()
            self.notify_text("What you typed is kept as a draft.")
        self.dismiss(None)


def _editor() -> list[str]:
    return shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
