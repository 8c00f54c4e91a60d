"""The table of everything that a key or the palette can do.

To add an action: write one line in `ACTIONS`, and a method `action_<action>` on the screen that it names in
`where`. Bindings, the hint line, the help screen, the palette and the README's key table come from here, and
the tests check that its keys are free on that screen and that the hints fit 80 columns.

- `where` names places: a screen's `PLACE`, `"app"` (everywhere), `"table"` and `"scroll"` (any table or text).
- `action` is what Textual runs on the screen; write `app.…` for a method of the app.
- `keys` are alternatives, the one that people are shown first. Empty means: in the palette only.
- `hint` puts it in the hint line. Order in the table is order on the screen.
"""

from dataclasses import dataclass

from textual.binding import Binding, BindingType


@dataclass(frozen=True)
class Action:
    """One thing that a person can do; `id` is unique, `label` one or two words, `help` one sentence."""

    id: str
    action: str
    keys: str
    label: str
    help: str
    group: str
    where: tuple[str, ...]
    hint: bool = False
    palette: bool = True


RUNS, RUN = "Runs", "One run"
DATA, TEMPLATES, MODELS, FORMS = "Data", "Templates", "Models", "Forms and questions"
ALWAYS, MOVING = "Everywhere", "Moving"

ACTIONS: tuple[Action, ...] = (
    # Runs
    Action("runs.open", "open_run", "enter", "open", "Open the run under the cursor.", RUNS, ("runs",), True),
    Action("runs.new", "new_run", "n", "new", "Describe a new run; every default is filled in.", RUNS, ("runs",), True),
    Action("runs.stop", "stop_run", "x", "stop", "Stop the run and keep its best adapter.", RUNS, ("runs", "run"), True),
    Action("runs.pause", "pause_run", "p", "pause", "Save a checkpoint and free the device.", RUNS, ("runs", "run"), True),
    Action("runs.resume", "resume_run", "r", "resume", "Go on from the newest checkpoint.", RUNS, ("runs", "run"), True),
    Action("runs.chart", "toggle_chart", "c", "chart", "Show or hide the curve of the run under the cursor.", RUNS, ("runs",), True),
    Action("runs.delete", "delete_run", "D", "delete", "Delete the run, its checkpoints and figures.", RUNS, ("runs",)),
    Action("filter", "filter", "/", "filter", "Keep the rows that contain what you type; esc shows all.", RUNS, ("runs",), True),
    # One run
    Action("run.next_tab", "next_tab", "]", "next tab", "Show the next tab.", RUN, ("run",)),
    Action("run.previous_tab", "previous_tab", "[", "previous tab", "Show the previous tab.", RUN, ("run",), True),
    Action("run.next", "next_part", "l,right", "next", "Show the next chart, or the next pinned user.", RUN, ("run",), True),
    Action("run.previous", "previous_part", "h,left", "previous", "Show the previous chart, or the previous pinned user.", RUN, ("run",)),
    Action("run.grid", "toggle_grid", "c", "grid", "All charts at once, or one in full size.", RUN, ("run",)),
    Action("run.try", "show_tab('try')", "t", "try", "Try the model: type a user or titles.", RUN, ("run",), True),
    # Everywhere
    Action("app.runs", "app.show_mode('runs')", "1", "Runs", "The runs and their curves.", ALWAYS, ("app",)),
    Action("app.data", "app.show_mode('data')", "2", "Data", "The datasets, their users and rows.", ALWAYS, ("app",)),
    Action("app.templates", "app.show_mode('templates')", "3", "Templates", "The prompt templates and what they render.", ALWAYS, ("app",)),
    Action("app.models", "app.show_mode('models')", "4", "Models", "The base models.", ALWAYS, ("app",)),
    Action("back", "back", "escape", "back", "Leave the field, the filter or the screen.", ALWAYS, ("runs", "run", "data", "templates", "models", "new_run", "import_dataset"), palette=False),
    Action("app.help", "app.help", "?,f1", "help", "All keys of this screen.", ALWAYS, ("app",), True),
    Action("app.palette", "app.command_palette", "ctrl+p,:", "palette", "Find any action by its name, or a run.", ALWAYS, ("app",), True, palette=False),
    Action("app.theme", "app.change_theme", "", "theme", "Choose the colours.", ALWAYS, ("app",)),
    Action("app.quit", "app.quit", "q,ctrl+q", "quit", "Leave the app; runs go on without it.", ALWAYS, ("app",)),
    # Moving
    Action("table.down", "cursor_down", "j,down", "down", "Next row.", MOVING, ("table",), palette=False),
    Action("table.up", "cursor_up", "k,up", "up", "Previous row.", MOVING, ("table",), palette=False),
    Action("table.top", "scroll_top", "g,home", "top", "First row.", MOVING, ("table",), palette=False),
    Action("table.bottom", "scroll_bottom", "G,end", "bottom", "Last row.", MOVING, ("table",), palette=False),
    Action("table.page_down", "page_down", "ctrl+d,pagedown", "page down", "One page down.", MOVING, ("table", "scroll"), palette=False),
    Action("table.page_up", "page_up", "ctrl+u,pageup", "page up", "One page up.", MOVING, ("table", "scroll"), palette=False),
    Action("scroll.down", "scroll_down", "j,down", "down", "One line down.", MOVING, ("scroll",), palette=False),
    Action("scroll.up", "scroll_up", "k,up", "up", "One line up.", MOVING, ("scroll",), palette=False),
    Action("scroll.top", "scroll_home", "g,home", "top", "The beginning.", MOVING, ("scroll",), palette=False),
    Action("scroll.bottom", "scroll_end", "G,end", "bottom", "The end.", MOVING, ("scroll",), palette=False),
    Action("next_pane", "app.focus_next", "tab", "next pane", "The next list or field.", MOVING, ("app",), palette=False),
    Action("previous_pane", "app.focus_previous", "shift+tab", "previous pane", "The previous list or field.", MOVING, ("app",), palette=False),
    # Questions
    Action("confirm.yes", "answer(True)", "y", "yes", "Do it.", FORMS, ("confirm",), palette=False),
    Action("confirm.no", "answer(False)", "n,escape", "no", "Leave everything as it is.", FORMS, ("confirm",), palette=False),
    Action("help.close", "dismiss", "escape,q,?,f1", "close", "Leave the help.", FORMS, ("help",), palette=False),
)
# fmt: on

_SHOWN = {"escape": "esc", "pagedown": "pgdn", "pageup": "pgup"}


def actions_of(*places: str) -> list[Action]:
    """The actions of some places, in the order of the table."""
    return [action for action in ACTIONS if not set(places).isdisjoint(action.where)]


def bindings(place: str) -> list[BindingType]:
    """A screen's or widget's `BINDINGS`."""
    return [
        Binding(action.keys, action.action, action.label, show=False, id=f"{place}:{action.id}")
        for action in actions_of(place)
        if action.keys
    ]


def key_text(key: str) -> str:
    """A key as people read it: `^p`, `esc`, `pgdn`."""
    return "^" + key.removeprefix("ctrl+") if key.startswith("ctrl+") else _SHOWN.get(key, key)


def keys_text(action: Action) -> str:
    """All keys of an action, for tables."""
    return " ".join(key_text(key) for key in action.keys.split(",")) if action.keys else ""


def hints_of(place: str) -> list[Action]:
    """What the hint line of a screen says: its own hints, then those of everywhere."""
    return [action for where in (place, "app") for action in actions_of(where) if action.hint]


def key_table() -> str:
    """The README's table of keys, in Markdown."""
    lines = ["| where | keys | what it does |", "|---|---|---|"]
    for group in dict.fromkeys(action.group for action in ACTIONS):
        for action in (action for action in ACTIONS if action.group == group and action.keys):
            keys = " ".join(f"`{key_text(key)}`" for key in action.keys.split(","))
            lines.append(f"| {group} | {keys} | {action.help} |")
    return "\n".join(lines) + "\n"
