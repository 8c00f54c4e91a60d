"""The settings of the app: colours, signs, and the key of each action."""

from dataclasses import replace

from rich.text import Text
from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import DataTable, Input, Static

from promptrec_tui.text import clean
from promptrec_tui.tui import lazy_workspace as workspace
from promptrec_tui.tui.actions import ACTIONS, BY_ID, GROUPS, KEYMAP, Action, bindings
from promptrec_tui.tui.keymap import clash, key_of
from promptrec_tui.tui.screens.base import BaseScreen
from promptrec_tui.tui.widgets.cells import fit
from promptrec_tui.tui.widgets.table import Table

COLUMNS = (("where", 14), ("setting", 14), ("now", 12), ("what it does", 32))
THEME, SIGNS = "theme", "signs"
SIGN_NAMES = {True: "ASCII", False: "Unicode"}


class SettingsScreen(BaseScreen[None]):
    """A row for each; enter changes it. Changes are kept at once."""

    PLACE = "settings"
    BINDINGS = bindings("settings")

    def body(self) -> ComposeResult:
        yield Static(id="where", markup=False)
        yield Input(placeholder="words of a setting, such as stop", id="filter", compact=True)
        yield Table(COLUMNS, id="settings")

    def on_mount(self) -> None:
        path = self.promptrec.home.preferences
        self.query_one("#where", Static).update(Content.styled(clean(f"Kept in {path}"), "dim"))
        self.watch(self.app, "theme", self._show, init=False)
        self._show()

    def _show(self) -> None:
        words = self.query_one("#filter", Input).value.lower().split()
        rows = {THEME: ("Colours", "theme", self.app.theme, "Choose the colours.")}
        now = SIGN_NAMES[self.promptrec.preferences.ascii]
        rows[SIGNS] = ("Signs", "signs", now, "Curves and signs in ASCII, from the next start on.")
        for action in ACTIONS:
            place = GROUPS[action.places[0]]
            rows[action.id] = (place, action.label, " ".join(action.key_texts) or "no key", action.help)
        self.query_one("#settings", Table).show(
            {key: self._cells(key, row) for key, row in rows.items() if _has(words, row)}
        )

    def _cells(self, key: str, row: tuple[str, ...]) -> tuple[Text, ...]:
        more = self.promptrec.glyphs.more
        styles = ("dim", "", "bold yellow" if key in KEYMAP else "bold cyan", "dim")
        return tuple(
            fit(text, width, style, more)
            for text, style, (_, width) in zip(row, styles, COLUMNS, strict=True)
        )

    @on(Input.Changed, "#filter")
    def _filtered(self) -> None:
        self._show()

    @on(Input.Submitted, "#filter")
    def _filter_done(self) -> None:
        self.focus_home()

    def action_filter(self) -> None:
        self.query_one("#filter").focus()

    def action_back(self) -> None:
        field = self.query_one("#filter", Input)
        if field.value:
            field.value = ""
            self.focus_home()
        else:
            super().action_back()

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.action_change()

    def action_change(self) -> None:
        """Change the setting under the cursor."""
        key = self.query_one("#settings", Table).chosen
        if key == THEME:
            self.app.action_change_theme()
        elif key == SIGNS:
            present = self.promptrec.preferences
            self._keep(replace(present, ascii=not present.ascii))
        elif key:
            self.app.push_screen(
                KeyScreen(BY_ID[key]),
                lambda pressed: self._keep_keys({**KEYMAP, key: pressed}) if pressed else None,
            )

    def action_default(self) -> None:
        """Give the action under the cursor its own keys back."""
        key = self.query_one("#settings", Table).chosen
        if key in KEYMAP:
            kept = {id: keys for id, keys in KEYMAP.items() if id != key}
            if problem := clash(BY_ID[key], BY_ID[key].keys, kept):
                self.notify_text(problem, "warning")
            else:
                self._keep_keys(kept)

    def _keep_keys(self, keys: dict[str, str]) -> None:
        self.promptrec.use_keys(keys)
        self._keep(replace(self.promptrec.preferences, keys=keys))

    @work(group="keep", exit_on_error=False)
    async def _keep(self, preferences: "workspace.preferences.Preferences") -> None:
        self.promptrec.preferences = preferences
        self._show()
        await self.ask(lambda opened: workspace.preferences.save_preferences(opened.home, preferences))


class KeyScreen(ModalScreen[str]):
    """Returns the key that is pressed for an action, or nothing after esc."""

    AUTO_FOCUS = None

    def __init__(self, action: Action) -> None:
        super().__init__()
        self._action = action

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(Content.assemble("Press the key for ", (self._action.label, "bold"), "."))
            yield Static(Content.styled(self._action.help, "dim"))
            yield Static(id="clash")
            yield Static(Content.styled("esc leaves it as it is", "dim"))

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        if event.key == "escape":
            self.dismiss(None)
            return
        key = key_of(event)
        if problem := clash(self._action, key):
            self.query_one("#clash", Static).update(Content.styled(problem, "bold $text-error"))
        else:
            self.dismiss(key)


def _has(words: list[str], row: tuple[str, ...]) -> bool:
    return all(word in " ".join(row).lower() for word in words)
