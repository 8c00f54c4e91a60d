"""Lines with a title above them and, while something is sought, a field below them."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from promptrec_tui.text import clean
from promptrec_tui.tui.asking import Asking
from promptrec_tui.tui.widgets.line_view import LineView


class SearchedLines(Asking, Vertical):
    """A pane of lines of this noun. Fill the `view`; a subclass that lacks some lines redefines `step`."""

    KEYS: ClassVar[str] = "   / search  y copy  W export"
    """The keys that the title names if there is room."""

    def __init__(self, noun: str, id: str | None = None) -> None:
        super().__init__(id=id)
        self._noun = noun

    def compose(self) -> ComposeResult:
        yield Static(classes="title", markup=False)
        yield LineView(self._noun)
        yield Input(placeholder="search; enter finds, n and N go on", classes="search", compact=True)

    @property
    def view(self) -> LineView:
        """The lines."""
        return self.query_one(LineView)

    @property
    def field(self) -> Input:
        """The field of the search."""
        return self.query_one(Input)

    @property
    def searching(self) -> bool:
        """Whether something is sought."""
        return self.has_class("-searching")

    @property
    def busy(self) -> bool:
        """Whether a search goes on."""
        return False

    def show_title(self, title: str, rest: str = "") -> None:
        """Say what the lines are, and faintly what else there is to say."""
        text = Content.assemble((clean(title), "bold"), (f"  {clean(rest)}" if rest else "", "dim"))
        if text.cell_length + len(self.KEYS) <= self.size.width:
            text = Content.assemble(text, (self.KEYS, "dim"))
        self.query_one(".title", Static).update(text)

    def search(self) -> None:
        """Open the field; what was sought before stands in it."""
        self.add_class("-searching")
        self.field.focus()

    def leave_search(self) -> None:
        """Back to the lines; without the field having the focus the search is over."""
        if not self.field.has_focus or not self.field.value:
            self.remove_class("-searching")
            self.field.value = ""
        self.view.focus()

    def step(self, forward: bool) -> None:
        """Go to the next line that has what is sought, or to the one before."""
        place = self.view.find(self.view.sought, forward)
        if place is None:
            self.say_missing()
        else:
            self.view.cursor = place

    def say_missing(self) -> None:
        """Say that no line has what is sought."""
        self.notify_text(f"No line has {self.view.sought!r}.")

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.view.sought = event.value

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.view.focus()
        if self.view.sought:
            self.step(forward=True)
        else:
            self.leave_search()
