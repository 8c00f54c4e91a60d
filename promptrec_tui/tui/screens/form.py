"""What forms share: labelled fields, a draft that is kept, one sentence about what is wrong."""

import asyncio
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar, TypeVar

from textual import on, work
from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input, Select, Static, TextArea

from promptrec_tui.errors import UserError
from promptrec_tui.text import clean
from promptrec_tui.tui.actions import key_for
from promptrec_tui.tui.copying import Copied, copy
from promptrec_tui.tui.screens.base import BaseScreen
from promptrec_tui.tui.widgets.field_help import FieldHelp, help_line
from promptrec_tui.tui.widgets.fields import value_of, write

Result = TypeVar("Result")

FIELDS = "Input, Select, TextArea"
KEY = re.compile(r"(?<![\w.])[a-z]+\.[a-z_]+(?![\w.]*\w)")
"""A spec key in a sentence, such as train.epochs; the name of a file may look like one."""

OPENING = re.compile(
    r"((There is no|Give the|The|An?) )?"
    r"(?P<noun>run|dataset|template|model)(?P<name> name| called| a name)?\b",
    re.IGNORECASE,
)
"""How sentences begin that are about a name, or a thing that was chosen by its name."""

NO_DRAFTS: dict[str, Any] = {}


class FieldError(UserError):
    """What is wrong with the field of that id."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


class Form(BaseScreen[Result | None]):
    """Subclasses define `fields()`, named by their ids, and `submit()`, which returns the form's result.

    It goes on submitting when another screen or mode covers it, and closes when it is on top again.
    """

    HOME = "Input"
    VERB: ClassVar[str] = "Start"
    HAS_KEYS: ClassVar[bool] = True
    """Whether error messages about the form name spec keys."""

    TEACHES: ClassVar[Mapping[str, FieldHelp]] = {}
    """What each field is for, by its id."""

    ORIGIN: str = "default"
    """What the values are that fields begin with."""

    _defaults: Mapping[str, str] = {}
    _submitting = False
    _editing = False
    """From the time the draft was filled in until the form is submitted."""

    _leave: Callable[[], object] | None = None
    """Closes the form with the result that came while it was covered."""

    def body(self) -> ComposeResult:
        with VerticalScroll(id="form", can_focus=False):
            yield from self.fields()
        yield Static(id="teaching")
        yield Static(id="problem")
        with Horizontal(id="buttons"):
            yield Button(f"{self.VERB}  {key_for('form.start')}", id="start", variant="primary", compact=True)
            yield Button(f"Leave  {key_for('app.back')}", id="leave", compact=True)

    def fields(self) -> ComposeResult:
        """The widgets to fill in."""
        yield from ()

    async def submit(self, values: Mapping[str, str]) -> Result:
        """Do the form's work. A UserError is shown in the form, which stays open."""
        raise NotImplementedError

    async def command_line(self, values: Mapping[str, str]) -> str:
        """The command that does the same. Raises UserError as `submit` does."""
        raise NotImplementedError

    def field_help(self, field: Widget) -> FieldHelp | None:
        """What a field is for; None where there is nothing to say."""
        return self.TEACHES.get(field.id or "")

    def teach(self) -> None:
        """Say at the foot of the form what the field in focus is for."""
        field = self.focused
        line = Content("")
        if field is not None and field.id and (help := self.field_help(field)):
            line = help_line(help, self._defaults.get(field.id, ""), self.ORIGIN)
        self.query_one("#teaching", Static).update(line)
        if field is not None:
            # A longer line leaves the fields less room.
            self.call_after_refresh(field.scroll_visible, animate=False)

    def on_descendant_focus(self) -> None:
        self.teach()

    @on(Input.Changed)
    @on(Select.Changed)
    @on(TextArea.Changed)
    def _mark_changes(self) -> None:
        """Mark the labels of fields that differ from what they began with."""
        for place in self.query(".field").results(Horizontal):
            label, field = place.children
            changed = bool(field.id) and value_of(field) != self.origin.get(field.id or "", "")
            if changed != place.has_class("-changed"):
                place.set_class(changed, "-changed")
                sign = f"{self.promptrec.glyphs.mark} " if changed else ""
                place.query_one(".label", Static).update(Content(f"{sign}{label.name}"))

    @property
    def busy(self) -> bool:
        """Whether it is submitting."""
        return self._submitting

    def values(self) -> dict[str, str]:
        """The contents of the fields, by id."""
        return {widget.id: value_of(widget) for widget in self.query(FIELDS) if widget.id}

    def fill(self, values: Mapping[str, str]) -> None:
        """Write into the fields; a choice that is not offered is ignored."""
        for widget in self.query(FIELDS):
            if (value := values.get(widget.id or "")) is not None:
                write(widget, value)

    def set_defaults(self, defaults: Mapping[str, str]) -> None:
        """Set new defaults; fields with the old default get the new one."""
        before, self._defaults = self._defaults, defaults
        present = self.values()
        self.fill(
            {
                name: value
                for name, value in defaults.items()
                if name not in before or present.get(name) == before[name]
            }
        )
        self._mark_changes()

    @property
    def origin(self) -> Mapping[str, str]:
        """The values from which changes are marked."""
        return self._defaults

    @property
    def draft(self) -> dict[str, str]:
        """The fields that differ from their defaults."""
        return {name: value for name, value in self.values().items() if value != self._defaults.get(name, "")}

    def take_draft(self) -> None:
        """Fill in the draft of the last time, if there is one."""
        draft = self.promptrec.recall("drafts", NO_DRAFTS).get(self.PLACE)
        if isinstance(draft, dict):
            self.fill({str(name): str(value) for name, value in draft.items()})
        self._editing = True

    def keep_draft(self, draft: Mapping[str, str]) -> None:
        """Remember a draft; an empty one deletes it."""
        drafts = self.promptrec.recall("drafts", NO_DRAFTS)
        rest = {name: kept for name, kept in drafts.items() if name != self.PLACE}
        self.promptrec.remember(drafts={**rest, self.PLACE: dict(draft)} if draft else rest)

    def keep(self) -> None:
        """Remember what was typed so far."""
        if self._editing:
            self.keep_draft(self.draft)

    def on_mount(self) -> None:
        self.promptrec.remember(form=self.PLACE)

    def dismiss(self, result: Result | None = None) -> AwaitComplete:
        self.promptrec.remember(form="")
        return super().dismiss(result)

    def show_problem(self, text: str, field: str = "") -> None:
        """Show what is wrong, and focus the `field` that it is about; an empty text shows nothing."""
        problem = self.query_one("#problem", Static)
        problem.update(Content(clean(text)))
        problem.set_class(bool(text), "-shown")
        if named := self.query_one(f"#{field}") if field else self._named_first(text):
            named.focus()

    def _named_first(self, text: str) -> Widget | None:
        """The field whose key comes first in a sentence; keys after it are about the remedy."""
        places = {widget: _place(widget.name, text) for widget in self.query(FIELDS) if widget.name}
        named = {widget: place for widget, place in places.items() if place >= 0}
        first = min(named.values(), default=len(text))
        if self.HAS_KEYS and (other := KEY.search(text)) and other.start() < first:
            # A key without a field is in a text, or was not typed at all.
            return next((area for area in self.query(TextArea) if other[0] in area.text), None)
        if not named and (opening := OPENING.match(text)):
            return next(iter(self.query(f"#{'name' if opening['name'] else opening['noun'].lower()}")), None)
        return min(named, key=lambda widget: named[widget], default=None)

    def action_start(self) -> None:
        if not self._submitting:
            self._start()

    @work(group="submit", exit_on_error=False)
    async def _start(self) -> None:
        self._submitting = True
        self.show_problem("")
        try:
            result = await self.submit(self.values())
        except UserError as error:
            self.show_problem(str(error), getattr(error, "field", ""))
            if not self.is_active:
                self.notify_text(str(error), "error")
        except asyncio.CancelledError:
            if self.is_attached:
                self.show_problem("Cancelled; nothing was left behind.")
            raise
        else:
            self._editing = False
            self.keep_draft({})
            if self.is_active:
                self.dismiss(result)
            else:
                # Textual would close the screen on top instead.
                self._leave = partial(self.dismiss, result)
        finally:
            self._submitting = False

    @work(group="copy", exit_on_error=False)
    async def action_copy_command(self) -> None:
        try:
            command = await self.command_line(self.values())
        except UserError as error:
            self.show_problem(str(error), getattr(error, "field", ""))
            return
        self.show_problem("")
        await copy(self.app, self.promptrec.home, Copied("command", command))

    def action_reset(self) -> None:
        blank = dict.fromkeys(self.values(), "")
        self.fill({**blank, **self._defaults})
        self.show_problem("")

    def action_back(self) -> None:
        if self._editing and self.draft:
            self.notify_text("The form keeps what you typed.")
        self.dismiss(None)

    def on_screen_resume(self) -> None:
        if self._leave:
            self._leave()

    def on_screen_suspend(self) -> None:
        super().on_screen_suspend()
        self.keep()

    def renew(self) -> None:
        # Called each second: if the app is killed, no more than that is lost.
        self.keep()
        super().renew()

    @on(Button.Pressed, "#start")
    def _pressed_start(self) -> None:
        self.action_start()

    @on(Button.Pressed, "#leave")
    def _pressed_leave(self) -> None:
        self.action_back()

    @on(Input.Submitted)
    def _next_field(self) -> None:
        self.focus_next()


def _place(name: str, text: str) -> int:
    """The index of a key as a whole word in a sentence; -1 if it is not there."""
    match = re.search(rf"(?<![\w.]){re.escape(name)}(?![\w.-]*\w)", text)
    return match.start() if match else -1
