"""The last line: the main keys of the screen."""

from collections.abc import Iterable

from textual.actions import parse
from textual.content import Content
from textual.widget import Widget

from promptrec_tui.tui.actions import BY_ID, Action, actions_of, hints_of
from promptrec_tui.tui.app_interface import app_of
from promptrec_tui.tui.keymap import takes_text


def hint_text(action: Action) -> str:
    """`x stop`."""
    return f"{action.key_texts[0]} {action.label}"


def hints_width(actions: list[Action]) -> int:
    """The width in cells of the hints, the palette's included."""
    return sum(len(hint_text(action)) + 2 for action in [*actions, BY_ID["app.palette"]])


def _is_typed(key: str) -> bool:
    """Whether a field takes the key as text."""
    return len(key) == 1 or key == "space"


def keys_text(actions: Iterable[Action]) -> Content:
    """The keys of some actions and their labels, in one line."""
    return Content("  ").join(
        Content.from_markup("[b $accent]$key[/] $label", key=action.key_texts[0], label=action.label)
        for action in actions
    )


class Hints(Widget):
    """The hints of the action table, complete in the first frame.

    Actions that are impossible at the moment are dim; those of another tab of the screen are left out.
    """

    auto_links = False

    def __init__(self, place: str) -> None:
        super().__init__()
        self._place = place

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._changed)
        self.watch(self.screen, "focused", self._changed, init=False)

    def _changed(self, _: object) -> None:
        self.refresh()

    def render(self) -> Content:
        shown = hints_of(self._place)
        if takes_text(self.screen.focused):
            back = [action for action in actions_of(self._place) if action.action == "back"]
            shown = back + [action for action in shown if not _is_typed(action.key_texts[0])]
        palette = self._hint(BY_ID["app.palette"])
        room = self.size.width - palette.cell_length - 2
        parts = []
        few_colours = app_of(self).few_colours
        for action in shown:
            # If the terminal cannot show dim text, only possible actions are shown.
            possible = self._possible(action)
            if possible is False or (few_colours and not possible):
                continue
            if (room := room - len(hint_text(action)) - 2) < 0:
                break
            parts.append(self._hint(action))
        left = Content("  ").join(parts)
        gap = max(1, self.size.width - left.cell_length - palette.cell_length - 2)
        return Content.assemble(" ", left, " " * gap, palette)

    def _hint(self, action: Action) -> Content:
        text = f"[b $accent]$key[/] {action.label}"
        if not self._possible(action):
            return Content.from_markup(f"[dim]$key {action.label}[/]", key=action.key_texts[0])
        click = action.action if parse(action.action)[0] else f"screen.{action.action}"
        return Content.from_markup(f"[@click={click}]{text}[/]", key=action.key_texts[0])

    def _possible(self, action: Action) -> bool | None:
        """As `check_action`: None for an action that is impossible at the moment."""
        namespace, name, parameters = parse(action.action)
        owner = self.app if namespace == "app" else self.screen
        return owner.check_action(name, parameters)
