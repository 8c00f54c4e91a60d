"""What forms share: labelled fields, a draft that is kept, one sentence about what is wrong."""

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping
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
from promptrec_tui.tui.screens.base import BaseScreen

Result = TypeVar("Result")

FIELDS = "Input, Select, TextArea"
KEY = re.compile(r"(?<![\w.])[a-z]+\.[a-z_]+(?![\w.]*\w)")
"""A spec key in a sentence, such as train.epochs; the name of a file may look like one."""

NO_DRAFTS: dict[str, Any] = {}


class Form(BaseScreen[Result | None]):
    """Subclasses define `fields()`, named by their ids, and `submit()`, which returns the form's result.

    It goes on submitting when another screen or mode covers it, and closes when it is on top again.
    """

    HOME = "Input"
    VERB: ClassVar[str] = "Start"
    HAS_KEYS: ClassVar[bool] = True
    """Whether error messages about the form name spec keys."""

    _defaults: Mapping[str, str] = {}
    _submitting = False
    _editing = False
    """From the time the draft was filled in until the form is submitted."""

    _leave: Callable[[], object] | None = None
    """Closes the form with the result that came while it was covered."""

    def body(self) -> ComposeResult:
        with VerticalScroll(id="form", can_focus=False):
            yield from self.fields()
        yield Static(id="problem")
        with Horizontal(id="buttons"):
            yield Button(f"{self.VERB}  ^r", id="start", variant="primary", compact=True)
            yield Button("Leave  esc", id="leave", compact=True)

    def fields(self) -> ComposeResult:
        """The widgets to fill in."""
        yield from ()

    async def submit(self, values: Mapping[str, str]) -> Result:
        """Do the form's work. A UserError is shown in the form, which stays open."""
        raise NotImplementedError

    @property
    def busy(self) -> bool:
        """Whether it is submitting."""
        return self._submitting

    def values(self) -> dict[str, str]:
        """The contents of the fields, by id."""
        return {widget.id: _value(widget) for widget in self.query(FIELDS) if widget.id}

    def fill(self, values: Mapping[str, str]) -> None:
        """Write into the fields; a choice that is not offered is ignored."""
        for widget in self.query(FIELDS):
            if (value := values.get(widget.id or "")) is not None:
                _write(widget, value)

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

    def show_problem(self, text: str) -> None:
        """Show in the form what is wrong; an empty text shows nothing."""
        self.query_one("#problem", Static).update(Content(clean(text)))
        if named := self._named_first(text):
            named.focus()

    def _named_first(self, text: str) -> Widget | None:
        """The field whose key comes first in a sentence; keys after it are about the remedy."""
        places = {widget: _place(widget.name, text) for widget in self.query(FIELDS) if widget.name}
        named = {widget: place for widget, place in places.items() if place >= 0}
        first = min(named.values(), default=len(text))
        if self.HAS_KEYS and (other := KEY.search(text)) and other.start() < first:
            # A key without a field is in a text, or was not typed at all.
            return next((area for area in self.query(TextArea) if other[0] in area.text), None)
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
            self.show_problem(str(error))
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


def row(label: str, widget: Widget) -> Horizontal:
    """A field after its label."""
    return Horizontal(Static(label, classes="label", markup=False), widget, classes="field")


def choice(id: str, name: str | None = None) -> Select[str]:
    """A choice among names, filled by `offer`; `name` is its name in error messages."""
    return Select[str]((), allow_blank=True, prompt="choose", id=id, name=name, compact=True)


def offer(select: Select[str], names: Iterable[str]) -> None:
    """Offer these names; the present choice stays if it is one of them."""
    names = list(names)
    present = select.value
    # The list would parse a plain string as markup.
    select.set_options([(Content(clean(name)), name) for name in names])
    if present in names:
        select.value = present


def key_values(text: str, field: str, example: str) -> dict[str, str]:
    """`key=value` lines as a mapping. Empty lines and those that begin with # are ignored.

    Raises UserError for any other line, and for a key that comes twice; the message names `field`.
    """
    values: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        key, equals, value = (part.strip() for part in line.partition("="))
        if not (key and equals and value):
            raise UserError(f"Line {number} of {field}, {clean(line)!r}, is not like {example}.")
        if key in values:
            raise UserError(f"Line {number} of {field} gives {clean(key)} a second time: keep one of them.")
        values[key] = value
    return values


def _value(widget: Widget) -> str:
    match widget:
        case TextArea():
            return widget.text
        case Select():
            return "" if widget.value is Select.NULL else str(widget.value)
        case Input():
            return widget.value
    raise TypeError(widget)


def _write(widget: Widget, value: str) -> None:
    match widget:
        case TextArea():
            widget.text = value
        case Select():
            if any(offered == value for _, offered in widget._options):
                widget.value = value
        case Input():
            widget.value = value
