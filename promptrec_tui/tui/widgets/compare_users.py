"""Users by what they gain between two runs, and what both runs recommend to the one under the cursor."""

from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from promptrec_tui.text import clean
from promptrec_tui.tui.glyphs import Glyphs
from promptrec_tui.tui.widgets.compare_text import Letters, lists_text, no_lists_text, user_cells
from promptrec_tui.tui.widgets.table import Table
from promptrec_tui.tui.widgets.text_pane import TextPane

if TYPE_CHECKING:
    from promptrec_tui.workspace.compare_views import CompareView
    from promptrec_tui.workspace.comparison import Gains, UserGain
    from promptrec_tui.workspace.runs import PreviewRow

ROWS = 200
"""The most users that are listed at once: one end of the order."""

ORDERS = ("gain", "loss", "pinned")
COLUMNS = (("user", 24), ("baseline", 8), ("other", 8), ("gain", 8))


class CompareUsers(Vertical):
    """The users of one pair: the baseline and another run."""

    def __init__(self, glyphs: Glyphs, id: str | None = None) -> None:
        super().__init__(id=id)
        self._glyphs = glyphs
        self._order = 0
        self._view: CompareView | None = None
        self._letters = Letters((), "", glyphs)
        self._gains: Gains | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="pair", markup=False)
        yield Table(COLUMNS, right=("baseline", "other", "gain"), id="by-gain")
        with TextPane(id="lists"):
            yield Static(id="both", markup=False)

    @property
    def order(self) -> str:
        return ORDERS[self._order]

    def show(self, view: "CompareView", letters: Letters, gains: "Gains | None", sentence: str) -> None:
        """Show the users of a pair; without `gains` a sentence that says why there are none."""
        self._view, self._letters, self._gains = view, letters, gains
        self.set_class(gains is not None, "-measured")
        if gains is None:
            self.query_one("#pair", Static).update(Content(clean(sentence)))
            self.query_one("#by-gain", Table).show({})
        else:
            self._fill()

    def next_order(self) -> None:
        """By gain, by loss, then the pinned users."""
        self._order = (self._order + 1) % len(ORDERS)
        if self._gains:
            self._fill()
            self.query_one("#by-gain", Table).move_cursor(row=0)

    def _fill(self) -> None:
        gains, view = self._gains, self._view
        if gains is None or view is None:
            return
        cases = self._listed(gains)
        said = {
            "gain": f"highest gain first, {min(ROWS, len(cases)):,} of {len(gains.users):,}",
            "loss": f"highest loss first, {min(ROWS, len(cases)):,} of {len(gains.users):,}",
            "pinned": f"pinned {view.noun}s",
        }[self.order]
        answer = "rank" if view.noun == "user" else "P(true label)"
        self.query_one("#pair", Static).update(
            Content.assemble(
                (f"{answer} in ", "dim"),
                self._letters.styled(gains.b),
                (f" {self._glyphs.arrow} in ", "dim"),
                self._letters.styled(gains.a),
                (f"   {said}", "dim"),
            )
        )
        pinned = self._pinned()
        table = self.query_one("#by-gain", Table)
        table.show(
            {
                case.user: user_cells(case, case.user in pinned, view.noun, self._glyphs, COLUMNS[0][1])
                for case in cases[:ROWS]
            }
        )
        self._show_lists()

    def _listed(self, gains: "Gains") -> "list[UserGain]":
        if self.order == "loss":
            return list(gains.users[::-1])
        if self.order == "pinned":
            pinned = self._pinned()
            return [case for case in gains.users if case.user in pinned]
        return list(gains.users)

    def _previews(self, user: str) -> "dict[str, PreviewRow | None]":
        """The preview of the user by the baseline and by the other run."""
        if self._gains is None or self._view is None:
            return {}
        return {
            name: next((row for row in self._view.previews.get(name, ()) if row.user == user), None)
            for name in (self._gains.b, self._gains.a)
        }

    def _pinned(self) -> list[str]:
        if self._gains is None or self._view is None:
            return []
        pair = (self._gains.b, self._gains.a)
        return list(dict.fromkeys(row.user for name in pair for row in self._view.previews.get(name, ())))

    @on(Table.Chosen, "#by-gain")
    def _show_lists(self) -> None:
        user, lists = self.query_one("#by-gain", Table).chosen, self.query_one("#both", Static)
        noun = self._view.noun if self._view else "user"
        if user is None:
            lists.update(Content(f"No pinned {noun} is a test {noun} of these runs.").stylize("dim"))
            return
        previews = self._previews(user)
        if any(previews.values()):
            width = self.query_one("#lists").scrollable_content_region.width or self.size.width - 2
            lists.update(lists_text(user, previews, self._letters, width, self._glyphs))
        else:
            lists.update(no_lists_text(user, self._pinned(), noun))

    def on_resize(self) -> None:
        if self._gains:
            self._show_lists()
