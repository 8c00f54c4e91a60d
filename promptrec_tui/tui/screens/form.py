"""What forms share: labelled fields, a draft that outlives them, one sentence about what is wrong."""

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
"""A setting as sentences name it, such as train.epochs; a file's name may look like one."""

NO_DRAFTS: dict[str, Any] = {}


class Form(BaseScreen[Result | None]):
    """Subclasses give `fields()`, named by their ids, and `submit()`, which says what the form answers.

    It goes on submitting when another screen or mode covers it, and leaves when it is on top again.
    """

    HOME = "Input"
    VERB: ClassVar[str] = "Start"
    HAS_KEYS: ClassVar[bool] = True
    """Do sentences about it name settings?"""

    _defaults: Mapping[str, str] = {}
    _submitting = False
    _editing = False
    """From the moment that the draft was taken until an answer is given."""

    _leave: Callable[[], object] | None = None
    """Leaves with the answer that was given while the form was covered."""

    def body(self) -> ComposeResult:
        with VerticalScroll(id="form", can_focus=False):
            yield from self.fields()
        yield Static(id="problem")
        with Horizontal(id="buttons"):
            yield Button(f"{self.VERB}  ^r", id="start", variant="primary", compact=True)
            yield Button("Leave  esc", id="leave", compact=True)

    def fields(self) -> ComposeResult:
        """The widgets that are filled in."""
        yield from ()

    async def submit(self, values: Mapping[str, str]) -> Result:
        """Do what the form says. Raises UserError to have it shown and the form kept."""
        raise NotImplementedError

    @property
    def busy(self) -> bool:
        """Whether it is submitting."""
        return self._submitting

    def values(self) -> dict[str, str]:
        """What stands in the fields."""
        return {widget.id: _value(widget) for widget in self.query(FIELDS) if widget.id}

    def fill(self, values: Mapping[str, str]) -> None:
        """Write into the fields; a choice that is not offered is left out."""
        for widget in self.query(FIELDS):
            if (value := values.get(widget.id or "")) is not None:
                _write(widget, value)

    def set_defaults(self, defaults: Mapping[str, str]) -> None:
        """New defaults: fields that were left at the old ones follow."""
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
        """Write what was typed the last time, if the form was left then."""
        draft = self.promptrec.recall("drafts", NO_DRAFTS).get(self.PLACE)
        if isinstance(draft, dict):
            self.fill({str(name): str(value) for name, value in draft.items()})
        self._editing = True

    def keep_draft(self, draft: Mapping[str, str]) -> None:
        """Remember what was typed; an empty draft forgets it."""
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
        """Say in the form what is wrong, or nothing."""
        self.query_one("#problem", Static).update(Content(clean(text)))
        if named := self._named_first(text):
            named.focus()

    def _named_first(self, text: str) -> Widget | None:
        """The field whose key a sentence names first: what it says after that is how to mend it."""
        places = {widget: _place(widget.name, text) for widget in self.query(FIELDS) if widget.name}
        found = {widget: place for widget, place in places.items() if place >= 0}
        first = min(found.values(), default=len(text))
        if self.HAS_KEYS and (other := KEY.search(text)) and other.start() < first:
            # A key without a field of its own was typed as text, or was not typed at all.
            return next((area for area in self.query(TextArea) if other[0] in area.text), None)
        return min(found, key=lambda widget: found[widget], default=None)

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
                # Textual would take away the screen on top instead.
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
        # Each second: a kill loses no more than that.
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
    """Where a key stands in a sentence as a word of its own; -1 where it does not."""
    found = re.search(rf"(?<![\w.]){re.escape(name)}(?![\w.-]*\w)", text)
    return found.start() if found else -1


def row(label: str, widget: Widget) -> Horizontal:
    """A field behind its label, on one line or more."""
    return Horizontal(Static(label, classes="label", markup=False), widget, classes="field")


def choice(id: str, name: str | None = None) -> Select[str]:
    """A choice among names, filled by `offer`; `name` is how sentences call it."""
    return Select[str]((), allow_blank=True, prompt="choose", id=id, name=name, compact=True)


def offer(select: Select[str], names: Iterable[str]) -> None:
    """Offer these names; the present choice stays where it is among them."""
    names = list(names)
    present = select.value
    # A plain string would be markup in the list.
    select.set_options([(Content(clean(name)), name) for name in names])
    if present in names:
        select.value = present


def pairs(text: str, what: str, example: str) -> dict[str, str]:
    """`key=value` lines as a mapping. Empty lines and those that begin with # are left out.

    Raises UserError for any other line, and for a key that comes twice.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        key, equals, value = (part.strip() for part in line.partition("="))
        if not (key and equals and value):
            raise UserError(f"Line {number} of {what}, {clean(line)!r}, is not like {example}.")
        if key in found:
            raise UserError(f"Line {number} of {what} gives {clean(key)} a second time: keep one of them.")
        found[key] = value
    return found


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
