"""The form of a new run, with every default filled in."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Grid, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Select, Static, TextArea

from promptrec_tui.errors import UserError
from promptrec_tui.text import clean
from promptrec_tui.tui import lazy_workspace as workspace
from promptrec_tui.tui.actions import bindings, key_for
from promptrec_tui.tui.screens.form import FieldError, Form
from promptrec_tui.tui.screens.import_dataset import ImportScreen
from promptrec_tui.tui.widgets.empty import Empty
from promptrec_tui.tui.widgets.field_help import FieldHelp
from promptrec_tui.tui.widgets.fields import choice, key_values, offer, row
from promptrec_tui.tui.widgets.settings_area import SettingsArea, matching

if TYPE_CHECKING:
    from promptrec_tui.workspace.new_runs import NewRun
    from promptrec_tui.workspace.run_forms import DerivedRun

SETTINGS = {
    "train.epochs": "epochs",
    "train.learning_rate": "learning rate",
    "train.batch_size": "batch size",
    "tuning.rank": "rank",
    "data.max_history": "max history",
    "evaluation.users": "test cases",
    "train.seed": "seed",
    "run.device": "device",
}
"""The spec keys that have a field of their own, beside `tuning.method`."""
METHOD = "tuning-method"


TEACHES = {
    "name": FieldHelp("What to call the run.", "--name"),
    "dataset": FieldHelp("What it learns from.", "--dataset", "a name of the list under 2"),
    "template": FieldHelp(
        "How a history becomes a prompt; it also says what is asked.", "--template", "one of the list under 3"
    ),
    "model": FieldHelp("The base model that is tuned.", "--model", "one of the list under 4"),
    "more": FieldHelp("A line for each further setting.", "--set", "key=value; right completes a key"),
}
NAMES = ("dataset", "template", "model", METHOD)
PAUSE_SECONDS = 0.3
"""Without a change, before the run is estimated anew."""

MOST_MATCHES = 4


class NewRunScreen(Form[str]):
    """Returns the id of the run that was started, or None."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (130, "-wide")]  # noqa: RUF012 (Textual reads it so)

    TEACHES = TEACHES
    PLACE = "new_run"
    MODE = "runs"
    BINDINGS = bindings("new_run")

    _new: "NewRun | None" = None
    _defaults_of: tuple[str, str, str, str] | None = None
    _shown: Collection[str] = SETTINGS.keys()
    """The fields of settings that the task, the model and the method have."""

    def __init__(self, derived: "DerivedRun | None" = None, setting: str = "") -> None:
        """`derived`: a run made from an existing one, which fills the form; `setting`: a key to begin at."""
        super().__init__()
        self._derived = derived
        self._setting = setting
        if derived:
            self.ORIGIN = "in the old run"
        self._others: Mapping[str, str] = {}
        self._inherited: Mapping[str, str] = {}
        """The settings of a derived run, which has more than the form has fields."""

    def body(self) -> ComposeResult:
        yield Empty("A run needs a dataset, and there is none yet.", "data.import", "import one", id="empty")
        yield from super().body()
        yield Static(id="estimate", markup=False)

    def fields(self) -> ComposeResult:
        with Vertical(id="main"):
            if self._derived:
                yield Static(Content(clean(self._derived.heading)).stylize("bold"))
            yield row("name", Input(id="name", compact=True))
            yield row("dataset", choice("dataset"))
            yield row("template", choice("template"))
            yield row("model", choice("model"))
            yield row("method", choice(METHOD, "tuning.method"))
            with Grid(id="settings"):
                for key, label in SETTINGS.items():
                    yield row(label, Input(id=_id(key), name=key, compact=True))
            more = SettingsArea(id="more", compact=True, placeholder="any other key=value, one a line")
            yield row("more settings", more)
        yield Static(id="others")

    async def load(self) -> None:
        await super().load()
        if self._new:
            return
        choices = await self.ask(workspace.run_forms.run_choices)
        self.set_class(choices is not None, "-filled")
        self.refresh_bindings()
        if choices is None:
            return
        new = self._derived.new if self._derived else choices.defaults
        for name, names in (
            ("dataset", choices.datasets),
            ("template", dict.fromkeys((*choices.templates, new.template))),
            ("model", choices.models),
            (METHOD, choices.methods),
        ):
            offer(self.query_one(f"#{name}", Select), names)
        method = str(new.settings.get("tuning.method", choices.methods[0]))
        self.set_defaults(
            {"dataset": new.dataset, "template": new.template, "model": new.model, METHOD: method}
        )
        self._new = new
        self.query_one(SettingsArea).rows = choices.settings
        await self._load_defaults(new.dataset, new.template, new.model, method)
        self.take_draft()
        self.focus_home()
        if self._setting:
            self._begin_at(self._setting)

    def _begin_at(self, key: str) -> None:
        """Focus the field of a setting; one without a field gets a line under more settings."""
        if field := next(iter(self.query(f"#{_id(key)}")), None):
            field.focus()
            return
        more = self.query_one(SettingsArea)
        lines = [line for line in more.text.splitlines() if line.strip()]
        if not any(line.partition("=")[0].strip() == key for line in lines):
            more.text = "\n".join([*lines, f"{key}="])
        more.move_cursor(more.document.end)
        more.focus()

    @on(Select.Changed)
    def _chosen(self) -> None:
        values = self.values()
        chosen = (values["dataset"], values["template"], values["model"], values[METHOD])
        if self._new and chosen != self._defaults_of:
            self._follow(*chosen)

    @work(exclusive=True, group="defaults", exit_on_error=False)
    async def _follow(self, dataset: str, template: str, model: str, method: str) -> None:
        if dataset and template and model and method:
            await self._load_defaults(dataset, template, model, method)

    async def _load_defaults(self, dataset: str, template: str, model: str, method: str) -> None:
        """Fill in the default name and settings of such a run; fields that were edited stay."""
        if self._new is None:
            return
        self._defaults_of = (dataset, template, model, method)
        task = (await self.ask(workspace.templates.find_template, template)).task
        family = (await self.ask(workspace.models.find_model, model)).family
        if derived := self._derived:
            more = "\n".join(f"{key}={value}" for key, value in derived.changes.items())
            self._inherited = await self.ask(workspace.run_forms.derived_defaults, derived, method)
            defaults = {**self._inherited, "name": derived.new.name, "more": more}
        else:
            new = replace(self._new, settings={"tuning.method": method})
            defaults = await self.ask(workspace.run_forms.run_defaults, new, dataset, template, model)
        self._others = defaults
        self._show_others()
        named = {name: self._defaults[name] for name in NAMES}
        self.set_defaults({**{_id(key): value for key, value in defaults.items()}, **named})
        self._shown = workspace.new_runs.settings_of(
            task, family, {**SETTINGS, "tuning.method": method}
        ).keys()
        for key in SETTINGS:
            if field := self.query_one(f"#{_id(key)}", Input).parent:
                field.display = key in self._shown

    async def submit(self, values: Mapping[str, str]) -> str:
        row = await self.ask(workspace.new_runs.start_run, await self._described(values))
        return row.id

    async def command_line(self, values: Mapping[str, str]) -> str:
        return await self.ask(workspace.run_config.new_command, await self._described(values))

    async def _described(self, values: Mapping[str, str]) -> "NewRun":
        """The run that the fields describe. Raises UserError where they do not."""
        if self._new is None:
            raise UserError("The form is not filled in yet.")
        if empty := [name for name in NAMES if not values[name]]:
            raise FieldError(empty[0], f"Choose a {empty[0].rpartition('-')[2]}.")
        template = await self.ask(workspace.templates.find_template, values["template"])
        fields, more = _settings(values, self._shown)
        family = (await self.ask(workspace.models.find_model, values["model"])).family
        fields = workspace.new_runs.settings_of(template.task, family, {**self._inherited, **fields})
        return replace(
            self._new,
            name=values["name"].strip(),
            dataset=values["dataset"],
            task=template.task,
            template=values["template"],
            model=values["model"],
            settings={**fields, **more},
        )

    def field_help(self, field: Widget) -> FieldHelp | None:
        if isinstance(field, SettingsArea):
            matches = matching(field.line, field.rows)
            key = field.line.partition("=")[0].strip()
            row = next((row for row in field.rows if row.key == key), None)
            if row is None and matches:
                row = matches[0] if len(matches) == 1 else None
                names = ", ".join(each.key for each in matches[:MOST_MATCHES])
                more = f" and {len(matches) - MOST_MATCHES} more" if len(matches) > MOST_MATCHES else ""
                if row is None:
                    return FieldHelp(f"{names}{more}.", "", "right takes the first")
        else:
            row = next((row for row in self.query_one(SettingsArea).rows if row.key == field.name), None)
        return FieldHelp(row.why, f"--set {row.key}", row.allowed) if row else super().field_help(field)

    @on(TextArea.SelectionChanged, "#more")
    def _look_up(self) -> None:
        self.teach()
        self._show_others()

    def _show_others(self) -> None:
        """The settings without a field, or those that the line under more settings may mean."""
        area = self.query_one(SettingsArea)
        kept = {row.key for row in matching(area.line, area.rows)}
        shown = {key: value for key, value in self._others.items() if not kept or key in kept}
        self.query_one("#others", Static).update(_others(shown))

    @on(Input.Changed)
    @on(Select.Changed)
    @on(TextArea.Changed)
    def _changed(self) -> None:
        if self._new:
            self._estimate()

    @work(exclusive=True, group="estimate", exit_on_error=False)
    async def _estimate(self) -> None:
        """Say what such a run will take, or what is wrong with it."""
        await asyncio.sleep(PAUSE_SECONDS)
        try:
            new = await self._described(self.values())
            sentence = (await self.ask(workspace.estimate.estimate, new)).sentence
        except UserError as error:
            sentence = str(error)
        self.query_one("#estimate", Static).update(clean(sentence))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "import_dataset":
            return None if self.has_class("-filled") else True
        if action in ("start", "reset"):
            return True if self.has_class("-filled") else None
        return super().check_action(action, parameters)

    @property
    def origin(self) -> Mapping[str, str]:
        # What may avoid the failure of the old run is a change already.
        return {**self._defaults, "more": ""}

    def take_draft(self) -> None:
        if self._derived is None:
            super().take_draft()

    def focus_home(self) -> None:
        if self.has_class("-filled"):
            super().focus_home()

    def action_import_dataset(self) -> None:
        self.app.push_screen(ImportScreen())


def _id(key: str) -> str:
    return key.replace(".", "-")


def _settings(values: Mapping[str, str], shown: Collection[str]) -> tuple[dict[str, str], dict[str, str]]:
    """The spec keys of the fields that are `shown`, and those of more settings.

    Raises UserError for an empty field or a key that is given twice.
    """
    settings = {"tuning.method": values[METHOD]}
    for key, label in SETTINGS.items():
        if key not in shown:
            continue
        if not (value := values[_id(key)].strip()):
            way_out = f"fill it, or press {key_for('form.reset')} for the defaults."
            raise FieldError(_id(key), f"The field {label} ({key}) is empty: {way_out}")
        settings[key] = value
    more = key_values(values["more"], "more settings", "train.patience=5")
    if twice := settings.keys() & more.keys():
        sentence = f"{clean(min(twice))} has a field of its own: set it there, not under more settings."
        raise FieldError("more", sentence)
    return settings, more


def _others(defaults: Mapping[str, str]) -> Content:
    """The keys without a field, with their defaults, to be used under more settings."""
    lines = [
        Content.assemble((key, "dim"), f"={value}")
        for key, value in defaults.items()
        if "." in key and key not in (*SETTINGS, "tuning.method")
    ]
    return Content("\n").join([Content("Other settings and their defaults").stylize("bold"), *lines])
