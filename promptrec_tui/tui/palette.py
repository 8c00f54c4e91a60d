"""The command palette: actions of the present screen with their keys, and runs and other things by name."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from heapq import nlargest
from typing import TYPE_CHECKING, Any, ClassVar

from textual.actions import parse
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from promptrec_tui.text import clean
from promptrec_tui.tui import lazy_workspace as workspace
from promptrec_tui.tui.actions import GROUPS, Action, actions_of
from promptrec_tui.tui.app_interface import app_of
from promptrec_tui.tui.marks import marked_runs, toggle_mark
from promptrec_tui.tui.screens.mark_actions import MarkActions
from promptrec_tui.tui.widgets.cells import cut, padded

if TYPE_CHECKING:
    from promptrec_tui.workspace.named import Named

MOST_HITS = 25
"""Of each provider: nobody reads more."""

AT_A_TIME = 500
"""Names that are looked at before a key may be handled: there can be 10,000 runs."""

WIDTH, NAME_WIDTH, KEY_WIDTH = 92, 34, 6
"""Of the palette, and of its columns: key, name, what it does."""

LETTERS_ONLY = 40
"""The most characters of a name in which letters of the query may lie apart."""


@dataclass(frozen=True)
class Offer:
    """A line of the palette."""

    name: str
    about: str
    run: Callable[[], Any]
    key: str = ""


class OfferProvider(Provider):
    """Subclasses define `offers`."""

    AT_ONCE: ClassVar[bool] = False
    """Whether it offers all before anything is typed."""

    def offers(self, query: str = "") -> Iterator[Offer]:
        """All that can be chosen by words of the query."""
        yield from ()

    async def discover(self) -> Hits:
        for offer in self.offers() if self.AT_ONCE else ():
            yield DiscoveryHit(self._line(offer), offer.run, text=offer.name)

    async def search(self, query: str) -> Hits:
        words, fitting = query.lower().split(), []
        for number, offer in enumerate(self.offers(query.lower()), 1):
            if value := score(words, offer.name, offer.about):
                fitting.append((value, offer))
            if number % AT_A_TIME == 0:
                await asyncio.sleep(0)
        for value, offer in nlargest(MOST_HITS, fitting, key=lambda pair: pair[0]):
            yield Hit(value, self._line(offer, query), offer.run, text=offer.name)

    def _line(self, offer: Offer, query: str = "") -> Content:
        """Key, name and purpose in one line."""
        more = app_of(self.screen).glyphs.more
        name = Content(padded(offer.name, NAME_WIDTH, more))
        for start, end in spans(query, name.plain):
            name = name.stylize("bold underline", start, end)
        room = min(WIDTH, self.screen.size.width) - KEY_WIDTH - NAME_WIDTH - 7
        key = Content.styled(padded(offer.key, KEY_WIDTH), "bold $accent")
        return Content.assemble(key, name, (f" {cut(offer.about, room, more)}", "dim not bold"))


class ActionProvider(OfferProvider):
    """The actions of the table that are possible at the moment."""

    AT_ONCE = True

    def offers(self, query: str = "") -> Iterator[Offer]:
        for action in actions_of(getattr(self.screen, "PLACE", ""), "app"):
            if action.palette and self._possible(action):
                name = f"{GROUPS[action.places[0]]}: {action.label}"
                key = next(iter(action.key_texts), "")
                yield Offer(name, action.help, partial(self.screen.run_action, action.action), key)

    def _possible(self, action: Action) -> bool:
        namespace, name, parameters = parse(action.action)
        owner = self.app if namespace == "app" else self.screen
        return owner.check_action(name, parameters) is True


class RunProvider(OfferProvider):
    """The runs, as the list last read them; their marks where the word mark is typed."""

    def offers(self, query: str = "") -> Iterator[Offer]:
        app = app_of(self.screen)
        for row in app.runs:
            yield Offer(f"Open run {clean(row.name)}", row.state, partial(app.open_run, row.id))
        if "mark" in query:
            marks = frozenset(marked_runs(app))
            for row in app.runs:
                verb = "Unmark" if row.id in marks else "Mark"
                yield Offer(f"{verb} run {clean(row.name)}", row.state, partial(self._mark, row.id))

    def _mark(self, run: str) -> None:
        toggle_mark(app_of(self.screen), run)
        if isinstance(self.screen, MarkActions):
            self.screen.marks_changed()


class NameProvider(OfferProvider):
    """Datasets, templates, models and the settings of runs; they are read once for each palette."""

    _named: "tuple[Named, ...]" = ()

    async def startup(self) -> None:
        self._named = await app_of(self.screen).backend.ask(workspace.named.named)

    def offers(self, query: str = "") -> Iterator[Offer]:
        app = app_of(self.screen)
        for thing in self._named:
            name = f"{thing.kind.title()} {clean(thing.name)}"
            yield Offer(name, thing.about, partial(app.go_to, thing.kind, thing.key))


def score(words: Sequence[str], name: str, about: str = "") -> float:
    """How well a name fits the words that were typed, in lower case: above 0 up to 1, 0 if it does not.

    All words must be in the name, best at its beginning or that of a word; else in the purpose; else all
    letters in the name in this order.
    """
    lower = name.lower()
    if not words:
        return 0.0
    if all(word in lower for word in words):
        places = sum(1.0 if lower.startswith(word) else 0.9 if f" {word}" in lower else 0.7 for word in words)
        return places / len(words) - min(len(name), 100) / 1000
    if all(word in lower or word in about.lower() for word in words):
        return 0.4
    letters = iter(lower) if len(lower) <= LETTERS_ONLY else iter(())
    return 0.2 if all(letter in letters for letter in "".join(words)) else 0.0


def spans(query: str, name: str) -> Iterator[tuple[int, int]]:
    """Where the words of the query are in a name."""
    lower = name.lower()
    for word in query.lower().split() if len(lower) == len(name) else ():
        if (start := lower.find(word)) >= 0:
            yield start, start + len(word)
