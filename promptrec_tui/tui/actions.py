"""The table of all actions: what a key or the palette can do.

To add an action: write one line in `ACTIONS`, and a method `action_<action>` on the screens that `where`
names. Bindings, the hint line, the help screen, the palette and the table of keys in the documentation come
from here. Tests check that the keys are free on those screens and that the hints of each fit 80 columns.

- `where` names places, with spaces between: the `PLACE` of screens, `app` (everywhere), `table` and `scroll`
  (any table or long text). `GROUPS` gives each place its heading; a new screen needs an entry there.
- `action` is what Textual runs on the screen; write `app.…` for a method of the app.
- `keys` are alternatives; the first one is shown. Empty means: in the palette only.
- A key stands for one `label` in all places; `help` says what it does in each.
- `HINT` puts it in the hint line, in the order of the table.
- An action that is impossible at the moment is dimmed: the screen's `check_action` returns None for it.
"""

from dataclasses import dataclass
from string import punctuation

from textual.binding import Binding, BindingType
from textual.keys import _character_to_key

KEYMAP: dict[str, str] = {}
"""The keys that a person gave to actions, by their ids, in the place of those of the table."""


@dataclass(frozen=True)
class Action:
    """One thing that a person can do; `id` is unique, `label` one or two words, `help` one sentence."""

    id: str
    action: str
    keys: str
    label: str
    help: str
    where: str
    hint: bool = False

    @property
    def palette(self) -> bool:
        """Whether the palette offers it: cursor movements and answers have keys only."""
        return self.id not in KEYS_ONLY and KEYED.isdisjoint(self.places)

    @property
    def places(self) -> list[str]:
        return self.where.split()

    @property
    def key_texts(self) -> list[str]:
        """The keys that it has at present, as they are displayed."""
        keys = KEYMAP.get(self.id, self.keys)
        return [key_text(key.strip()) for key in keys.split(",")] if keys else []


GROUPS = {
    "runs": "Runs",
    "run": "One run",
    "compare": "Compare",
    "new_run": "New run",
    "data": "Data",
    "inspect": "One dataset",
    "items": "Items",
    "import_dataset": "Import",
    "clean_dataset": "Cleaning",
    "templates": "Templates",
    "edit_template": "Template editor",
    "template_versions": "Template versions",
    "audit_template": "Template audit",
    "try_templates": "Try templates",
    "trials": "Templates tried",
    "models": "Models",
    "add_model": "Add a model",
    "settings": "Settings",
    "app": "Everywhere",
    "table": "Moving in a table",
    "scroll": "Moving in a text",
    "run_columns": "Columns of the runs",
    "line": "A line of text",
    "confirm": "Questions",
    "export": "Export",
    "help": "Help",
    "tour": "Six keys",
}
"""The places and their headings."""

KEYED = {"table", "scroll", "run_columns", "line", "confirm", "export", "help", "tour"}
"""Places whose actions have keys only."""

KEYS_ONLY = ("app.back", "app.next", "app.last", "app.jump", "app.palette")
HINT = True
SCREENS = (
    "runs run compare new_run data inspect items import_dataset clean_dataset "
    "templates edit_template template_versions audit_template "
    "try_templates trials models add_model settings"
)
FORMS = "new_run import_dataset clean_dataset try_templates add_model"

ACTIONS: tuple[Action, ...] = (
    Action("runs.open", "open_run", "enter", "open", "Open the run under the cursor.", "runs", HINT),
    Action("runs.new", "new_run", "n", "new", "Describe a new run; defaults are filled in.", "runs", HINT),
    Action("runs.stop", "stop_run", "x", "stop", "Stop the run, keep its best adapter.", "runs run", HINT),
    Action("runs.pause", "pause_run", "p", "pause", "Save and free the device.", "runs run", HINT),
    Action("runs.resume", "resume_run", "r", "resume", "Go on from the newest checkpoint.", "runs run", HINT),
    Action("runs.save", "checkpoint_run", "s", "save", "Save a checkpoint now.", "runs run"),
    Action("runs.kill", "kill_run", "X", "kill", "End the processes of the run.", "runs run"),
    Action("runs.fork", "fork_run", "f", "fork", "A new run from the spec of this one.", "runs run"),
    Action("runs.continue", "continue_run", "C", "continue", "A new run from its adapter.", "runs run"),
    Action("runs.begin", "begin_sample", "B", "sample", "Start the sample run on simulated films.", "runs"),
    Action("runs.import", "import_dataset", "i", "import", "Read a file as a dataset.", "runs"),
    Action("runs.tour", "tour", "I", "tour", "Walk through six keys.", "runs"),
    Action("runs.command", "copy_command", "f5", "command", "Copy the command of a run like it.", "runs run"),
    Action("runs.export", "export", "W", "export", "Write or copy it, in a form.", "runs run compare data"),
    Action("runs.chart", "toggle_chart", "c", "charts", "Show or hide the curve of the run.", "runs"),
    Action("runs.mark", "mark", "space", "mark", "Mark the run, or not.", "runs run compare", HINT),
    Action("runs.mark_all", "mark_all", "*", "mark all", "Mark all shown runs, or none.", "runs"),
    Action("runs.compare", "compare", "=", "compare", "Compare the marked runs.", "runs run"),
    Action("runs.baseline", "choose_baseline", "b", "baseline", "Others are compared with this run.", "runs"),
    Action("runs.columns", "choose_columns", "v", "view", "Choose the columns, and what sorts.", "runs"),
    Action("runs.sort", "sort_by(1)", ">", "sort", "Sort by the next column.", "runs"),
    Action("runs.sort_last", "sort_by(-1)", "<", "sort back", "By the one before.", "runs"),
    Action("runs.order", "turn_order", "o", "order", "Smallest or largest first.", "runs"),
    Action("label.pin", "toggle_pin", "P", "pin", "Keep the run on top of the list, or not.", "runs run"),
    Action("label.tag", "tag_runs", "#", "tags", "Tags of the run, or of all marked.", "runs run"),
    Action("label.note", "note_run", '"', "note", "A note about the run.", "runs run"),
    Action("label.rename", "rename_run", "R", "rename", "Its result keeps the old name.", "runs run"),
    Action("label.archive", "toggle_archive", "a", "archive", "Hide it from the list, or not.", "runs run"),
    Action("runs.delete", "delete_run", "D", "delete", "Delete the run with all its files.", "runs run"),
    Action("queue.up", "move_run('up')", "K", "sooner", "Move a waiting run up the queue.", "runs"),
    Action("queue.down", "move_run('down')", "J", "later", "Move a waiting run down the queue.", "runs"),
    Action("queue.top", "move_run('top')", "T", "next", "Move a waiting run to the top.", "runs"),
    Action("queue.hold", "toggle_hold", "H", "hold", "Hold or release a waiting run, or the queue.", "runs"),
    Action("queue.more", "change_priority(1)", "}", "prefer", "Raise its priority.", "runs"),
    Action("queue.less", "change_priority(-1)", "{", "put off", "Lower its priority.", "runs"),
    Action(
        "queue.failure",
        "toggle_after_failure",
        "F",
        "failure",
        "A failure of it stops the queue, or not.",
        "runs",
    ),
    Action("runs.filter", "filter", "/", "find", "Filter runs: words, state:done, ndcg@10>0.1.", "runs"),
    Action("run.next_tab", "next_tab", "]", "tab", "Show the next tab.", "run inspect compare", HINT),
    Action(
        "run.previous_tab",
        "previous_tab",
        "[",
        "previous tab",
        "Show the previous tab.",
        "run inspect compare",
    ),
    Action("run.next", "next_part", "l,right", "right", "Next point, pinned user or metric.", "run compare"),
    Action("run.previous", "previous_part", "h,left", "left", "The one before.", "run compare"),
    Action("curve.down", "next_chart", "j,down", "down", "The next chart.", "run"),
    Action("curve.up", "previous_chart", "k,up", "up", "The chart before.", "run"),
    Action("curve.in", "zoom(1)", "+", "zoom", "Half the steps, around the cursor.", "run"),
    Action("curve.out", "zoom(-1)", "-", "zoom out", "Twice as many steps.", "run"),
    Action("curve.all", "whole_curve", "z", "all steps", "The whole curve, without the cursor.", "run"),
    Action("curve.first", "first_point", "0,g,home", "first", "The first point.", "run"),
    Action("curve.last", "newest_point", "$,G,end", "last", "The newest point, and follow it.", "run"),
    Action("curve.on", "page_curve(1)", "ctrl+d,pagedown", "page on", "A quarter of the range on.", "run"),
    Action("curve.back", "page_curve(-1)", "ctrl+u,pageup", "page back", "A quarter back.", "run"),
    Action("curve.best", "jump('best')", "V", "best", "To the best value of the chart.", "run"),
    Action("curve.spike", "jump('outlier')", "O", "outlier", "To the next outlier.", "run"),
    Action("curve.smooth", "smooth", "M", "smooth", "Smooth by 0.6, 0.9, 0.99, or not.", "run"),
    Action("curve.log", "log_scale", "Y", "scale", "A logarithmic y-axis, or a linear one.", "run"),
    Action("curve.unit", "change_unit", "A", "axis", "Steps, epochs or time along x.", "run"),
    Action("run.grid", "toggle_grid", "c", "charts", "A grid of all charts, or one of them.", "run"),
    Action(
        "run.try", "show_tab('try')", "t", "try", "Ask the model about a user, titles or a text.", "run", HINT
    ),
    Action("run.log", "show_tab('log')", "L", "log", "Read what the trainer printed.", "run"),
    Action("run.search", "search", "/", "find", "Search config or log for a text.", "run"),
    Action("run.match", "next_match(True)", "n", "match", "The next line with that text.", "run"),
    Action("run.before", "next_match(False)", "N", "match before", "The line before with that text.", "run"),
    Action("run.error", "next_fault(True)", "!", "check", "To the next error, or gap in a curve.", "run"),
    Action("run.error_before", "next_fault(False)", "&", "check back", "The error before in a log.", "run"),
    Action("compare.baseline", "choose_baseline", "b", "baseline", "The next baseline.", "compare", HINT),
    Action("compare.order", "next_order", "o", "order", "By gain, by loss, pinned users.", "compare", HINT),
    Action("compare.other", "next_pair(1)", ")", "next one", "Users, curve of the next.", "compare", HINT),
    Action("compare.before", "next_pair(-1)", "(", "one before", "Those of the one before.", "compare"),
    Action("data.open", "open_part", "enter", "open", "To its users, or to the history.", "data", HINT),
    Action("data.import", "import_dataset", "i", "import", "Read a file as a dataset.", "data new_run", HINT),
    Action("data.rows", "toggle_rows", "v", "view", "All rows, or users and histories.", "data"),
    Action("data.filter", "filter", "/", "find", "Filter users by their key.", "data", HINT),
    Action("data.lints", "inspect('lints')", "!", "check", "Lint: what would spoil a run.", "data", HINT),
    Action("data.stats", "inspect('statistics')", "c", "charts", "Statistics and histograms.", "data", HINT),
    Action("data.splits", "inspect('splits')", "S", "splits", "What each split would make of it.", "data"),
    Action("data.items", "find_items", "w", "who", "Find items, and who had them.", "data"),
    Action("items.who", "show_holders", "enter", "who", "Who had the item, and when.", "items", HINT),
    Action("items.filter", "filter", "/", "find", "Filter items by their title.", "items", HINT),
    Action("data.clean", "clean_dataset", "e", "edit", "Make a cleaned dataset of it.", "data", HINT),
    Action("data.delete", "delete_dataset", "D", "delete", "Delete a dataset that no run uses.", "data"),
    Action("templates.edit", "edit", "e", "edit", "Edit the template, or a copy of it.", "templates", HINT),
    Action("templates.new", "copy", "n", "new", "Write a template, from a copy of this.", "templates", HINT),
    Action("templates.audit", "audit", "!", "check", "Audit it over all rows.", "templates", HINT),
    Action("templates.versions", "versions", "v", "view", "Versions: what changed, when.", "templates", HINT),
    Action("templates.user", "choose_user", "u", "user", "Render for the user you type.", "templates", HINT),
    Action("templates.dataset", "next_dataset", "d", "dataset", "With another dataset.", "templates", HINT),
    Action("templates.model", "next_model", "m", "model", "With another model's tokens.", "templates"),
    Action("templates.next", "next_user", ")", "next one", "Render the next row.", "templates"),
    Action("templates.last", "previous_user", "(", "one before", "The row before.", "templates"),
    Action("templates.editor", "edit_outside", "E", "$EDITOR", "Edit it in your own editor.", "templates"),
    Action("templates.rename", "rename", "R", "rename", "Runs keep the name they know.", "templates"),
    Action("templates.try", "try_templates", "t", "try", "Compare templates on the same users.", "templates"),
    Action("edit.save", "save", "ctrl+s", "save", "Save a new version.", "edit_template", HINT),
    Action("edit.wrap", "next_wrap", "f8", "wrap", "Plain, chat, or as the model.", "edit_template", HINT),
    Action("edit.editor", "open_editor", "f9,E", "$EDITOR", "In your own editor.", "edit_template", HINT),
    Action("edit.next", "next_user", "f6,)", "next one", "Render the next row.", "edit_template", HINT),
    Action("edit.last", "previous_user", "f7,(", "one before", "The row before.", "edit_template"),
    Action("versions.mark", "mark", "space", "mark", "Compare with this.", "template_versions", HINT),
    Action("models.add", "add_model", "n", "new", "Add a model folder, or fetch a hub id.", "models", HINT),
    Action("models.check", "check_again", "!", "check", "Look it over again.", "models", HINT),
    Action("settings.change", "change", "enter", "change", "Another value or key.", "settings", HINT),
    Action("settings.filter", "filter", "/", "find", "Filter settings by words.", "settings", HINT),
    Action("settings.default", "default", "f4", "defaults", "Give it its own keys again.", "settings", HINT),
    Action("form.start", "start", "ctrl+r,f2", "start", "Do what the form says.", FORMS, HINT),
    Action("form.copy", "copy_command", "f5", "command", "Copy the command that does it.", FORMS, HINT),
    Action("form.count", "count", "f3", "count", "Say what each step would do.", "clean_dataset", HINT),
    Action("form.reset", "reset", "f4", "defaults", "Put the defaults back into the form.", FORMS, HINT),
    Action("app.runs", "app.show_mode('runs')", "1", "Runs", "The runs and their curves.", "app"),
    Action("app.data", "app.show_mode('data')", "2", "Data", "The datasets, users and rows.", "app"),
    Action("app.templates", "app.show_mode('templates')", "3", "Templates", "The prompt templates.", "app"),
    Action("app.models", "app.show_mode('models')", "4", "Models", "The base models.", "app"),
    Action("app.back", "back", "escape", "back", "Leave the field, filter or screen.", SCREENS),
    Action("app.help", "app.help", "?,f1", "help", "All keys of this screen.", "app", HINT),
    Action("app.copy", "app.copy", "y", "copy", "Copy the thing under the cursor.", "app"),
    Action("app.next", "app.focus_next", "tab", "next pane", "The next list or field.", "app"),
    Action("app.last", "app.focus_previous", "shift+tab", "last pane", "The one before.", "app"),
    Action("app.theme", "app.change_theme", "", "theme", "Choose the colours.", "app"),
    Action("app.settings", "app.open_settings", "comma", "settings", "Colours, signs, keys.", "app"),
    Action("app.quit", "app.quit", "q,ctrl+q", "quit", "Leave the app; runs go on without it.", "app", HINT),
    Action("app.jump", "app.jump", "ctrl+o", "jump", "To any pane, field or tab, by its letter.", "app"),
    Action("app.palette", "app.command_palette", "ctrl+p,:", "palette", "Any action by name.", "app"),
    Action("table.down", "cursor_down", "j,down", "down", "The next row.", "table"),
    Action("table.up", "cursor_up", "k,up", "up", "The row before.", "table"),
    Action("table.left", "cursor_left", "h,left", "left", "The columns on the left.", "table"),
    Action("table.right", "cursor_right", "l,right", "right", "The columns on the right.", "table"),
    Action("table.top", "scroll_top", "g,home", "first", "The first row.", "table"),
    Action("table.bottom", "scroll_bottom", "G,end", "last", "The last row.", "table"),
    Action("page.down", "page_down", "ctrl+d,pagedown", "page on", "One page on.", "table scroll"),
    Action("page.up", "page_up", "ctrl+u,pageup", "page back", "One page back.", "table scroll"),
    Action("scroll.down", "scroll_down", "j,down", "down", "One line on.", "scroll"),
    Action("scroll.up", "scroll_up", "k,up", "up", "One line back.", "scroll"),
    Action("scroll.top", "scroll_home", "g,home", "first", "The beginning.", "scroll"),
    Action("scroll.bottom", "scroll_end", "G,end", "last", "The end.", "scroll"),
    Action("columns.toggle", "toggle_column", "space", "show", "Show the column, or not.", "run_columns"),
    Action("columns.sort", "sort_column", "enter", "sort", "Sort by it; again: turn.", "run_columns"),
    Action("columns.up", "move_column(-1)", "K", "sooner", "Further to the left.", "run_columns"),
    Action("columns.down", "move_column(1)", "J", "later", "Further to the right.", "run_columns"),
    Action("columns.reset", "reset_columns", "f4", "defaults", "The usual columns and order.", "run_columns"),
    Action("columns.close", "close", "escape,v", "close", "Back to the list.", "run_columns"),
    Action("line.leave", "leave_line", "escape", "leave", "Leave it as it was.", "line"),
    Action("export.write", "write", "enter", "write", "Write the file.", "export"),
    Action("export.copy", "copy", "y", "copy", "Copy the text.", "export"),
    Action("export.close", "close", "escape,q,W", "close", "Leave the exports.", "export"),
    Action("confirm.yes", "answer(True)", "y", "yes", "Do it.", "confirm"),
    Action("confirm.no", "answer(False)", "n,escape", "no", "Leave all as it is.", "confirm"),
    Action("help.search", "filter", "/", "find", "Filter keys by what they do.", "help"),
    Action("tour.close", "close", "escape", "close", "Leave the tour.", "tour"),
    Action("help.close", "close", "escape,q,?,f1", "close", "Leave the help.", "help"),
)

BY_ID = {action.id: action for action in ACTIONS}

_SHOWN = {
    **{_character_to_key(sign): sign for sign in punctuation},
    "escape": "esc",
    "pagedown": "pgdn",
    "pageup": "pgup",
}


def actions_of(*places: str) -> list[Action]:
    """The actions of some places, in the order of the table."""
    return [action for action in ACTIONS if not set(places).isdisjoint(action.places)]


def bindings(place: str) -> list[BindingType]:
    """The `BINDINGS` of a screen or widget."""
    return [
        Binding(action.keys, action.action, action.label, show=False, id=action.id)
        for action in actions_of(place)
        if action.keys
    ]


def key_text(key: str) -> str:
    """A key as it is displayed: `^p`, `esc`, `pgdn`."""
    return "^" + key.removeprefix("ctrl+") if key.startswith("ctrl+") else _SHOWN.get(key, key)


def key_for(id: str) -> str:
    """The first key of an action at present, for texts that name it."""
    return BY_ID[id].key_texts[0]


def hints_of(place: str) -> list[Action]:
    """The actions in the hint line of a screen: its own, then those of all screens; without the palette."""
    return [action for where in (place, "app") for action in actions_of(where) if action.hint]


def key_table() -> str:
    """The table of keys for the documentation, in Markdown."""
    lines = ["| where | keys | what it does |", "|---|---|---|"]
    for place, heading in GROUPS.items():
        for action in actions_of(place):
            if action.keys and action.places[0] == place:
                keys = " ".join(f"`{key}`" for key in action.key_texts)
                lines.append(f"| {heading} | {keys} | {action.help} |")
    return "\n".join(lines) + "\n"
