"""Some runs side by side: what differs, metrics with intervals, curves, users by gain."""

from collections.abc import Sequence
from threading import Event
from typing import TYPE_CHECKING

from textual import work
from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.events import DescendantFocus
from textual.message import Message
from textual.widgets import Static

from promptrec_tui.errors import UserError
from promptrec_tui.text import clean
from promptrec_tui.tui import lazy_workspace as workspace
from promptrec_tui.tui.actions import bindings
from promptrec_tui.tui.marks import mark_text
from promptrec_tui.tui.screens.mark_actions import MarkActions
from promptrec_tui.tui.widgets.compare_curves import CompareCurves
from promptrec_tui.tui.widgets.compare_figures import figures_text
from promptrec_tui.tui.widgets.compare_text import LETTERS, Letters, differs_text
from promptrec_tui.tui.widgets.compare_users import CompareUsers
from promptrec_tui.tui.widgets.empty import Empty
from promptrec_tui.tui.widgets.tab_line import TabLine
from promptrec_tui.tui.widgets.text_pane import TextPane
from promptrec_tui.workspace.exports import comparison_listing, differences_listing, gains_listing

if TYPE_CHECKING:
    from promptrec_tui.tui.exporting import Offer
    from promptrec_tui.workspace.compare_views import CompareView
    from promptrec_tui.workspace.comparison import Comparison, Gains
    from promptrec_tui.workspace.runs import RunRow

TABS = ("metrics", "differences", "curves", "users")
TITLES = {
    "metrics": "metrics on the test",
    "differences": "what differs",
    "curves": "validation curves",
    "users": "who gains, who loses",
}
FOCUS = {"users": "#by-gain"}
"""The widget of a tab that has the focus, where it is not the pane itself."""

MOST_RUNS = len(LETTERS)
"""As many letters there are."""

WAITING = "Drawing the users 2,000 times for the intervals of each metric"


class Drawn(Message):
    """How many pairs of runs have their intervals."""

    def __init__(self, done: int, total: int) -> None:
        super().__init__()
        self.done, self.total = done, total


class CompareScreen(MarkActions):
    """Runs by their ids; the first is the baseline, unless another one is given.

    A large terminal shows all panes, a small one a tab for each.
    """

    PLACE = "compare"
    MODE = "runs"
    BINDINGS = bindings("compare")

    def __init__(self, runs: Sequence[str], baseline: str = "") -> None:
        super().__init__()
        self._runs = tuple(runs)
        self._baseline = baseline if baseline in runs else next(iter(runs), "")
        self._tab = TABS[0]
        self._rows: tuple[RunRow, ...] = ()
        self._view: CompareView | None = None
        self._compared: Comparison | None = None
        self._sentence = ""
        """Why there is no comparison."""
        self._asked: tuple[object, ...] = ()
        self._other = 0
        """The place of the run whose users are shown, among all but the baseline."""
        self._progress = ""

    def body(self) -> ComposeResult:
        yield Static(id="legend", markup=False)
        yield TabLine(TABS, self._tab)
        yield Empty(
            "Fewer than two runs are marked: there is nothing to compare.",
            *("app.back", "leads back"),
            *("runs.mark", "marks a run, in the list or on its screen"),
            id="empty",
        )
        with Container(id="compared"):
            with TextPane(id="metrics"):
                yield Static(id="figures", markup=False)
            with TextPane(id="differences"):
                yield Static(id="unlike", markup=False)
            yield CompareCurves(self.promptrec.ascii_only, id="curves")
            yield CompareUsers(self.promptrec.glyphs, id="users")

    def on_mount(self) -> None:
        for tab, title in TITLES.items():
            self.query_one(f"#{tab}").border_title = title
        self.action_show_tab(self._tab)

    @property
    def letters(self) -> Letters:
        names = self._view.names if self._view else {}
        others = [name for run, name in names.items() if run != self._baseline]
        other = others[self._other % len(others)] if others else ""
        return Letters(tuple(names.values()), names.get(self._baseline, ""), self.promptrec.glyphs, other)

    @property
    def gains(self) -> "Gains | None":
        """The users of the other run beside the baseline."""
        other, pairs = self.letters.other, self._compared.gains if self._compared else ()
        return next((gains for gains in pairs if gains.a == other), None)

    @property
    def present_run(self) -> "RunRow | None":
        """The other run of the pair whose users are shown: its mark is set or taken away."""
        other = self.letters.other
        return next((row for row in self._rows if row.name == other), None)

    def marks_changed(self) -> None:
        self._show_legend()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "next_pair":
            return True if len(self._rows) > 2 else None
        if action == "next_order":
            return True if self._compared else None
        if action == "choose_baseline":
            return True if self._view else None
        if action in ("next_part", "previous_part"):
            return True if self._tab == "curves" or self.large else None
        return super().check_action(action, parameters)

    @property
    def large(self) -> bool:
        """Whether all panes are shown at once."""
        return self.has_class("-wide") and self.has_class("-tall")

    async def load(self) -> None:
        await super().load()
        rows = {row.id: row for row in self.promptrec.runs}
        known = tuple(run for run in self._runs if run in rows)
        self.set_class(len(known) > 1, "-filled")
        if len(known) < 2:
            return
        if self._baseline not in known:
            self._baseline = known[0]
        shown = tuple(rows[run] for run in known)
        if shown != self._rows:
            self._view = await self.ask(workspace.compare_views.compare_view, known)
            self._rows = shown
            self._show_view()
        self._compare()

    def _show_view(self) -> None:
        if self._view is None:
            return
        letters = self.letters
        width = self._width("differences")
        self.query_one("#unlike", Static).update(differs_text(self._view.differs, letters, width))
        self.query_one(CompareCurves).show(self._view, letters)
        self._show_comparison()

    def _show_legend(self) -> None:
        legend, row = self.letters.legend(), self.present_run
        if row and (mark := mark_text(row.id, self.marks, self.promptrec.glyphs)):
            legend = Content.assemble(legend, "   ", (f"{clean(row.name)}: {mark}", "dim"))
        self.query_one("#legend", Static).update(legend)

    def _compare(self) -> None:
        """Compare anew when the baseline or the state of a run is another one."""
        asked = (self._baseline, *((row.id, row.state) for row in self._rows))
        if asked != self._asked:
            self._asked = asked
            self._compared, self._sentence, self._progress = None, "", ""
            self._show_comparison()
            self._resample()

    @work(exclusive=True, group="compare", exit_on_error=False)
    async def _resample(self) -> None:
        asked = self._asked
        runs = [row.id for row in self._rows]
        left = Event()

        def told(phase: str, done: int, total: int) -> None:
            # In the thread of the comparison, which goes on when nobody waits for it any more.
            if left.is_set():
                raise UserError("The comparison was left.")
            self.post_message(Drawn(done, total))

        compared, sentence = None, ""
        try:
            compared = await self.ask_aside(
                workspace.compare.compare_runs, runs, False, self._baseline, progress=told
            )
        except UserError as error:
            sentence = str(error)
        finally:
            left.set()
        if asked == self._asked:
            self._compared, self._sentence = compared, sentence
            self._show_comparison()

    def on_drawn(self, message: Drawn) -> None:
        if message.total > 1 and not self._compared and not self._sentence:
            self._progress = f": pair {min(message.done + 1, message.total)} of {message.total}"
            self._show_comparison()

    def _show_comparison(self) -> None:
        view, compared = self._view, self._compared
        if view is None:
            return
        letters = self.letters
        sentence = self._sentence or f"{WAITING}{self._progress}{self.promptrec.glyphs.more}"
        self.query_one("#figures", Static).update(
            figures_text(compared, letters, self._width("metrics")) if compared else Content(clean(sentence))
        )
        self.query_one(CompareUsers).show(view, letters, self.gains, sentence)
        self._show_legend()
        self.refresh_bindings()

    def _width(self, pane: str) -> int:
        """The cells of a line in a pane; a hidden one is as wide as the screen."""
        return (self.query_one(f"#{pane}").size.width or self.size.width) - 2

    def on_resize(self) -> None:
        if self.is_mounted:
            self.call_after_refresh(self._show_view)

    def exports(self) -> "list[Offer]":
        from promptrec_tui.tui.exporting import chart_offers, table_offers

        view, compared = self._view, self._compared
        if view is None:
            return []
        names = list(view.names.values())
        stem = "-".join(["compare", *names[:6], *([f"and {len(names) - 6} more"] if names[6:] else [])])
        differs = differences_listing(view.differs, names)
        offers = list(table_offers("differences", f"{stem}-differences", lambda: differs))
        if compared:
            figures = comparison_listing(compared)
            offers = [*table_offers("metrics with intervals", stem, lambda: figures), *offers]
        if compared and (gains := self.gains):
            users = gains_listing(gains, compared.noun)
            noun = f"{compared.noun}s, {gains.a} minus {gains.b}"
            offers += table_offers(noun, f"{stem}-{compared.noun}s", lambda: users)
        drawn = self.query_one(CompareCurves)
        curves = list(chart_offers(drawn.named(), stem, self.promptrec.ascii_only, drawn.all_named()))
        return [*curves, *offers] if self._tab == "curves" else [*offers, *curves]

    def focus_home(self) -> None:
        self.query_one(FOCUS.get(self._tab, f"#{self._tab}")).focus()

    def action_show_tab(self, tab: str) -> None:
        self._turn_to(tab)
        self.focus_home()
        self.call_after_refresh(self._show_view)

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        # All panes of a large terminal can be reached by the tab key.
        panes = [widget.id for widget in event.widget.ancestors_with_self if widget.id in TABS]
        if panes and panes[0] != self._tab:
            self._turn_to(str(panes[0]))

    def _turn_to(self, tab: str) -> None:
        self._tab = tab
        self.query_one(TabLine).current = tab
        self.crumbs = ("Compare", tab.title())
        for name in TABS:
            self.query_one(f"#{name}").set_class(name == tab, "-current")
        self.refresh_bindings()

    def action_next_tab(self) -> None:
        self._step_tab(1)

    def action_previous_tab(self) -> None:
        self._step_tab(-1)

    def _step_tab(self, by: int) -> None:
        self.action_show_tab(TABS[(TABS.index(self._tab) + by) % len(TABS)])

    def action_next_part(self) -> None:
        self.query_one(CompareCurves).move(1)

    def action_previous_part(self) -> None:
        self.query_one(CompareCurves).move(-1)

    def action_choose_baseline(self) -> None:
        known = [row.id for row in self._rows]
        self._baseline = known[(known.index(self._baseline) + 1) % len(known)]
        self.promptrec.remember(baseline=self._baseline)
        self._show_view()
        self._compare()

    def action_next_pair(self, by: int) -> None:
        """The users of another run; the curves may be looked at meanwhile."""
        self._other += by
        self._show_view()
        if self._tab != "curves":
            self._show_users()

    def action_next_order(self) -> None:
        self.query_one(CompareUsers).next_order()
        self._show_users()

    def _show_users(self) -> None:
        if self._tab != "users":
            self.action_show_tab("users")
