"""The command palette: every action of the present screen by name, and every run."""

from collections.abc import Iterator
from functools import partial

from textual.actions import parse
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.types import IgnoreReturnCallbackType

from promptrec_tui.text import clean
from promptrec_tui.tui.actions import GROUPS, Action, actions_of
from promptrec_tui.tui.app_interface import app_of


class ActionProvider(Provider):
    """Offers the actions of the table that are possible at the moment."""

    async def discover(self) -> Hits:
        for name, help_text, command in self._commands():
            yield DiscoveryHit(Content(name), command, text=name, help=help_text)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for name, help_text, command in self._commands():
            score, offsets = matcher.fuzzy_search.match(query, name)
            if score > 0:
                # The matcher's own highlighting would parse the name of a run as markup.
                shown = Content(name)
                for offset in offsets:
                    shown = shown.stylize("bold underline", offset, offset + 1)
                yield Hit(score, shown, command, text=name, help=help_text)

    def _commands(self) -> Iterator[tuple[str, str, IgnoreReturnCallbackType]]:
        app = app_of(self.screen)
        for action in actions_of(getattr(self.screen, "PLACE", ""), "app"):
            if action.palette and self._possible(action):
                keys = f"  {action.key_texts[0]}" if action.keys else ""
                name = f"{GROUPS[action.places[0]]}: {action.label}{keys}"
                yield name, action.help, partial(self.screen.run_action, action.action)
        for row in app.runs:
            yield f"Open run {clean(row.name)}", row.state, partial(app.open_run, row.id)

    def _possible(self, action: Action) -> bool:
        namespace, name, parameters = parse(action.action)
        owner = self.app if namespace == "app" else self.screen
        return owner.check_action(name, parameters) is True
