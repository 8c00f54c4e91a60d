"""Asking the model: a user or some titles, and what it recommends next, untuned and tuned."""

from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from rich.text import Text
from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from promptrec_tui.text import clean
from promptrec_tui.tui import lazy_workspace as workspace
from promptrec_tui.tui.actions import bindings
from promptrec_tui.tui.asking import Asking
from promptrec_tui.tui.glyphs import Glyphs
from promptrec_tui.tui.trying import Recommendations
from promptrec_tui.tui.widgets.rankings import Ranked, beside, column_width, history_text, ranking_lines
from promptrec_tui.tui.widgets.run_text import GOING

if TYPE_CHECKING:
    from promptrec_tui.workspace.runs import RunRow
    from promptrec_tui.workspace.scoring import ScoredItem

USERS, TITLES = 3, 6
INVITATION = "Type a part of a title, or a user's key, and choose with up, down and enter."


class TryInput(Input):
    """A field in which backspace, when there is nothing to delete, takes the last title away.

    The keys of tabs go on changing the tab while it is empty.
    """

    TAB_KEYS = ("left_square_bracket", "right_square_bracket")

    class Emptied(Message):
        """Backspace in an empty field."""

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return not (key in self.TAB_KEYS and not self.value) and super().check_consume_key(key, character)

    async def _on_key(self, event: events.Key) -> None:
        if event.key in self.TAB_KEYS and not self.value:
            # Not for the field: it goes on to the bindings of the screen.
            event.prevent_default()

    def action_delete_left(self) -> None:
        if self.value:
            super().action_delete_left()
        else:
            self.post_message(self.Emptied())


class TryPane(Asking, VerticalScroll, inherit_bindings=False):
    """Set `row` to the run that is asked; an answer is asked for again when the run ends."""

    BINDINGS = bindings("scroll")

    def __init__(self, glyphs: Glyphs, id: str | None = None) -> None:
        super().__init__(id=id)
        self._row: RunRow | None = None
        self._glyphs = glyphs
        self._history: tuple[tuple[str, str], ...] = ()
        self._user = ""
        self._found: dict[str, str] = {}
        self._answer: Recommendations | None = None

    def compose(self) -> ComposeResult:
        yield TryInput(placeholder="user or title", id="question")
        yield OptionList(id="matches")
        yield Static(INVITATION, id="asked", markup=False)
        yield Static(id="answer", markup=False)

    @property
    def row(self) -> "RunRow | None":
        """The run that is asked."""
        return self._row

    @row.setter
    def row(self, row: "RunRow") -> None:
        ended = self._row is not None and self._row.state in GOING and row.state not in GOING
        self._row = row
        if ended and self._answer is not None:
            # What is shown is of a checkpoint; the run has its result now.
            self._recommend()

    def focus_field(self) -> None:
        """Be ready to type."""
        self.query_one(TryInput).focus()

    @on(Input.Changed, "#question")
    def _typed(self, event: Input.Changed) -> None:
        self._find(event.value.strip())

    @work(exclusive=True, group="find", exit_on_error=False)
    async def _find(self, text: str) -> None:
        matches = self.query_one("#matches", OptionList)
        if not text or self.row is None:
            matches.set_options([])
            matches.display = False
            return
        users = await self.ask(workspace.datasets.dataset_users, self.row.dataset, 0, USERS, text)
        titles = await self.ask(workspace.datasets.find_titles, self.row.dataset, text, TITLES)
        self._found = {item.key: item.title for item in titles}
        options = [_option(f"item:{item.key}", item.title, f"{item.events} events") for item in titles]
        people = [_option(f"user:{user.key}", f"user {user.key}", f"{user.events} events") for user in users]
        exact = text in [user.key for user in users]
        matches.set_options([*people, *options] if exact else [*options, *people])
        if not matches.option_count:
            matches.set_options(
                [Option(Content(f"No title or user contains {clean(text)!r}."), disabled=True)]
            )
        matches.display = True
        matches.highlighted = 0 if options or people else None

    def on_key(self, event: events.Key) -> None:
        if event.key in ("up", "down") and self.query_one(TryInput).has_focus:
            matches = self.query_one("#matches", OptionList)
            matches.action_cursor_up() if event.key == "up" else matches.action_cursor_down()
            event.stop()
            event.prevent_default()

    @on(Input.Submitted, "#question")
    def _entered(self) -> None:
        matches = self.query_one("#matches", OptionList)
        if matches.highlighted is not None and matches.display:
            self._pick(matches.get_option_at_index(matches.highlighted))

    @on(OptionList.OptionSelected, "#matches")
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self._pick(event.option)
        self.focus_field()

    @on(TryInput.Emptied)
    def _drop_last(self) -> None:
        self._user = ""
        self._history = self._history[:-1]
        self._recommend()

    def _pick(self, option: Option) -> None:
        kind, _, key = (option.id or "").partition(":")
        self.query_one(TryInput).value = ""
        if kind == "user":
            self._take_user(key)
        else:
            self._user = ""
            self._history = (*self._history, (key, self._found[key]))
            self._recommend()

    @work(exclusive=True, group="pick", exit_on_error=False)
    async def _take_user(self, user: str) -> None:
        if self.row:
            _, rows = await self.ask(workspace.datasets.user_profile, self.row.dataset, user)
            self._user = user
            self._history = tuple((row.item_key, row.title) for row in rows)
            self._recommend()

    @work(exclusive=True, group="recommend", exit_on_error=False)
    async def _recommend(self) -> None:
        self._answer = None
        self._redraw("waiting for the model" if self._history else "")
        if self._history and self.row:
            try:
                self._answer = await self.promptrec.backend.recommend(
                    self.row, [key for key, _ in self._history]
                )
            except Exception:
                self._redraw("No answer.")
                raise
            self._redraw()

    def on_resize(self) -> None:
        self._redraw()

    def _redraw(self, waiting: str = "") -> None:
        width = self.scrollable_content_region.width
        asked = Text(INVITATION, style="dim")
        if self._history:
            asked = Text(f"user {clean(self._user)}  " if self._user else "", style="bold")
            asked.append_text(
                history_text([title for _, title in self._history], width - len(asked), self._glyphs)
            )
        self.query_one("#asked", Static).update(asked)
        answer = (
            Text(waiting, style="dim")
            if self._answer is None
            else answer_text(self._answer, width, self._glyphs)
        )
        self.query_one("#answer", Static).update(answer)


def answer_text(answer: Recommendations, width: int, glyphs: Glyphs) -> Text:
    """The untuned and the tuned ranking side by side, log-probabilities in nats."""
    half = column_width(width)
    left = ranking_lines("untuned", _ranked(answer.untuned.items), half, glyphs)
    if answer.tuned:
        right = ranking_lines(f"tuned ({answer.tuned.adapter})", _ranked(answer.tuned.items), half, glyphs)
    else:
        why = wrap(clean(answer.problem), half)
        right = [Text("tuned", style="bold"), *(Text(line, style="yellow") for line in why)]
    text = beside(half, left, right)
    if answer.untuned.dropped:
        text.append(f"The oldest {answer.untuned.dropped} items did not fit the context.", style="dim")
    return text


def _ranked(items: "Sequence[ScoredItem]") -> list[Ranked]:
    return [(item.key, item.title, item.logprob) for item in items]


def _option(key: str, text: str, note: str) -> Option:
    return Option(Content.assemble(clean(text), (f"  {note}", "dim")), id=key)
