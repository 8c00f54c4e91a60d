"""Queries to a run's model, untuned and tuned: the next items for a user or titles, or a text's label."""

import asyncio
from typing import TYPE_CHECKING

from rich.text import Text
from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from promptrec_tui.text import clean
from promptrec_tui.tui import lazy_workspace as workspace
from promptrec_tui.tui.actions import bindings, key_for
from promptrec_tui.tui.asking import Asking
from promptrec_tui.tui.glyphs import Glyphs
from promptrec_tui.tui.trying import Tried
from promptrec_tui.tui.widgets.rankings import history_text
from promptrec_tui.tui.widgets.run_text import GOING
from promptrec_tui.tui.widgets.steady import Steady
from promptrec_tui.tui.widgets.try_text import labels_text, titles_text

if TYPE_CHECKING:
    from promptrec_tui.workspace.runs import RunRow
    from promptrec_tui.workspace.scoring import Labelling, Ranking

USERS, TITLES = 3, 6
INVITATION = "Type a part of a title, or a user's key, and choose with up, down and enter."
TEXT_INVITATION = "Type a text and press enter: the model gives it a label."


class TryInput(Input):
    """A field in which backspace in an empty field removes the last title.

    The tab keys still change the tab while it is empty.
    """

    TAB_KEYS = ("left_square_bracket", "right_square_bracket")

    class Emptied(Message):
        """Backspace in an empty field."""

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return not (key in self.TAB_KEYS and not self.value) and super().check_consume_key(key, character)

    async def _on_key(self, event: events.Key) -> None:
        if event.key in self.TAB_KEYS and not self.value:
            # Not for the field: pass it on to the bindings of the screen.
            event.prevent_default()

    def action_delete_left(self) -> None:
        if self.value:
            super().action_delete_left()
        else:
            self.post_message(self.Emptied())


class TryPane(Asking, VerticalScroll, inherit_bindings=False):
    """Set `row` to the run to query; the query is repeated when the run ends.

    A run that recommends takes a history of titles, a run that classifies takes a text.
    """

    BINDINGS = bindings("scroll")
    PANE = "scroll"

    def __init__(self, glyphs: Glyphs, id: str | None = None) -> None:
        super().__init__(id=id)
        self._row: RunRow | None = None
        self._glyphs = glyphs
        self._history: tuple[tuple[str, str], ...] = ()
        self._user = ""
        self._found: dict[str, str] = {}
        self._text = ""
        self._titles: Tried[Ranking] | None = None
        self._labels: Tried[Labelling] | None = None
        self._blend: Ranking | None = None

    def compose(self) -> ComposeResult:
        yield TryInput(placeholder="user or title", id="question")
        yield OptionList(id="matches")
        yield Steady(id="asked", markup=False)
        yield Steady(id="answer", markup=False)

    @property
    def row(self) -> "RunRow | None":
        """The run to query."""
        return self._row

    @row.setter
    def row(self, row: "RunRow") -> None:
        ended = self._row is not None and self._row.state in GOING and row.state not in GOING
        self._row = row
        if self._classifies:
            self.query_one(TryInput).placeholder = "a text"
        if ended and (self._titles or self._labels):
            # The shown answer is from a checkpoint; the run has its result now.
            self._ask_model()
        elif not self._asked:
            self._redraw()

    @property
    def _classifies(self) -> bool:
        """Whether the run gives texts their labels."""
        return self._row is not None and workspace.runs.case_noun(self._row.task) == "text"

    @property
    def _asked(self) -> bool:
        """Whether there is a query."""
        return bool(self._text if self._classifies else self._history)

    def focus_field(self) -> None:
        """Focus the field."""
        self.query_one(TryInput).focus()

    @on(Input.Changed, "#question")
    def _typed(self, event: Input.Changed) -> None:
        self._find(event.value.strip())

    @work(exclusive=True, group="find", exit_on_error=False)
    async def _find(self, text: str) -> None:
        matches = self.query_one("#matches", OptionList)
        if not text or self.row is None or self._classifies:
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
    def _entered(self, event: Input.Submitted) -> None:
        if self._classifies:
            self._text = event.value.strip()
            self._ask_model()
            return
        matches = self.query_one("#matches", OptionList)
        if matches.highlighted is not None and matches.display:
            self._pick(matches.get_option_at_index(matches.highlighted))

    @on(OptionList.OptionSelected, "#matches")
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self._pick(event.option)
        self.focus_field()

    @on(TryInput.Emptied)
    def _drop_last(self) -> None:
        self._user = self._text = ""
        self._history = self._history[:-1]
        self._ask_model()

    def _pick(self, option: Option) -> None:
        kind, _, key = (option.id or "").partition(":")
        self.query_one(TryInput).value = ""
        if kind == "user":
            self._take_user(key)
        else:
            self._user = ""
            self._history = (*self._history, (key, self._found[key]))
            self._ask_model()

    @work(exclusive=True, group="pick", exit_on_error=False)
    async def _take_user(self, user: str) -> None:
        if self.row:
            _, rows = await self.ask(workspace.datasets.user_profile, self.row.dataset, user)
            self._user = user
            self._history = tuple((row.item_key, row.title) for row in rows)
            self._ask_model()

    @work(exclusive=True, group="ask", exit_on_error=False)
    async def _ask_model(self) -> None:
        self._titles = self._labels = self._blend = None
        if not self._asked or self.row is None:
            self._redraw()
            return
        self._redraw("waiting for the model")
        backend = self.promptrec.backend
        try:
            with self.promptrec.waits.waiting("asking the model"):
                if self._classifies:
                    self._labels = await backend.classify(self.row, self._text)
                else:
                    history = [key for key, _ in self._history]
                    self._titles = await backend.recommend(self.row, history)
                    # What the model says is shown while the other scorers are fitted.
                    self._redraw("asking the run's blend")
                    self._blend = await backend.blend(self.row, history)
        except asyncio.CancelledError:
            self._redraw("Left before the answer.")
            raise
        except Exception:
            self._redraw("No answer.")
            raise
        self._redraw()

    def on_resize(self) -> None:
        self._redraw()

    def _redraw(self, waiting: str = "") -> None:
        width = self.scrollable_content_region.width
        self.query_one("#asked", Steady).renew(self._question_text(width))
        if self._titles:
            answer = titles_text(self._titles, width, self._glyphs, self._blend)
            answer.append(waiting, style="dim")
        elif self._labels:
            answer = labels_text(self._labels, width, self._glyphs)
        else:
            answer = Text(waiting, style="dim")
        self.query_one("#answer", Steady).renew(answer)

    def _question_text(self, width: int) -> Text:
        if not self._asked:
            invitation = TEXT_INVITATION if self._classifies else INVITATION
            return Text(f"{invitation} {key_for('run.try')} goes to the field.", style="dim")
        if self._classifies:
            return Text.assemble(("text  ", "dim"), clean(self._text))
        text = Text(f"user {clean(self._user)}  " if self._user else "", style="bold")
        titles = [title for _, title in self._history]
        return text.append_text(history_text(titles, width - len(text), self._glyphs))


def _option(key: str, text: str, note: str) -> Option:
    return Option(Content.assemble(clean(text), (f"  {note}", "dim")), id=key)
