"""The action table keeps its promises."""

import importlib
import pkgutil
from collections import defaultdict

import pytest

from promptrec_tui.tui import screens
from promptrec_tui.tui.actions import (
    ACTIONS,
    BY_ID,
    GROUPS,
    KEYMAP,
    actions_of,
    hints_of,
    key_for,
    key_table,
    key_text,
)
from promptrec_tui.tui.app import PromptrecApp
from promptrec_tui.tui.widgets.hints import hints_width, keys_text

MODULES = [
    importlib.import_module(f"{screens.__name__}.{m.name}") for m in pkgutil.iter_modules(screens.__path__)
]
SCREENS = {
    cls.PLACE: cls
    for module in MODULES
    for cls in vars(module).values()
    if isinstance(cls, type) and getattr(cls, "PLACE", "") and cls.__module__ == module.__name__
}

OTHER_MEANINGS = {
    "enter": "acts on the thing under the cursor, whatever that is",
    "space": "takes the thing under the cursor in or out: a mark, a column",
    "run.match": "n and N go to matches, as in less and vim; only while a text is sought",
    "confirm.yes": "y and n answer a question, which covers all else",
    "confirm.no": "as well",
    "line.leave": "esc leaves what is on top: a field, a dialog, a screen",
    "tour.close": "as well",
    "help.close": "the keys that open a dialog close it, as q and esc do",
    "export.close": "as well",
    "columns.close": "as well",
}
"""Keys, and ids of actions, that need not mean what their keys mean elsewhere, and why."""

DEAD = {"^", "'", "`", "~", "´", "¨"}
"""Keys that many keyboards keep back to put an accent on the next letter."""


def labels_of_keys(allowed: object = ()) -> dict[str, set[str]]:
    """The labels that each key has in the table, without those that are allowed to differ."""
    labels: dict[str, set[str]] = defaultdict(set)
    for action in ACTIONS:
        for key in filter(None, action.keys.split(",")):
            if key not in allowed and action.id not in allowed:
                labels[key].add(action.label)
    return labels


def test_a_key_stands_for_one_label_in_all_places():
    assert {key: labels for key, labels in labels_of_keys(OTHER_MEANINGS).items() if len(labels) > 1} == {}


@pytest.mark.parametrize("name", OTHER_MEANINGS)
def test_no_other_meaning_is_allowed_that_nothing_has(name):
    """The table would break the rule without each of the exceptions."""
    allowed = OTHER_MEANINGS.keys() - {name}
    assert any(len(labels) > 1 for labels in labels_of_keys(allowed).values())


def test_every_action_can_be_reached_without_a_dead_key():
    assert [action.id for action in ACTIONS if action.keys and set(action.keys.split(",")) <= DEAD] == []


def test_texts_name_the_keys_that_a_person_has_chosen(monkeypatch):
    monkeypatch.setitem(KEYMAP, "runs.compare", "exclamation_mark,f9")
    assert key_for("runs.compare") == "!"
    assert keys_text([BY_ID["runs.compare"], BY_ID["runs.mark"]]).plain == "! compare  space mark"


def test_every_action_has_an_id_of_its_own_a_help_text_and_a_way_to_it():
    assert len({action.id for action in ACTIONS}) == len(ACTIONS)
    for action in ACTIONS:
        assert action.help.endswith("."), action.id
        assert action.label, action.id
        assert action.keys or action.palette, action.id
        assert action.keys or not action.hint, action.id
        assert set(action.places) <= set(GROUPS), action.id


@pytest.mark.parametrize("place", sorted(GROUPS))
def test_a_key_means_one_thing_on_a_screen(place):
    modal = place in ("confirm", "export", "help")
    actions = actions_of(place) if modal or place == "app" else actions_of(place, "app")
    keys = [key for action in actions for key in action.keys.split(",") if key]
    assert sorted(keys) == sorted(set(keys))


@pytest.mark.parametrize("place", sorted(GROUPS))
def test_the_hints_of_a_screen_fit_80_columns(place):
    must = [action for action in hints_of(place) if action.id != "app.quit"]
    assert hints_width(must) <= 80


@pytest.mark.parametrize("place", sorted(set(SCREENS)))
def test_every_action_of_a_screen_has_its_method(place):
    for action in actions_of(place):
        name = action.action.partition("(")[0]
        owner = PromptrecApp if name.startswith("app.") else SCREENS[place]
        assert hasattr(owner, f"action_{name.removeprefix('app.')}"), action.id


def test_every_place_is_a_screen_or_a_kind_of_widget():
    assert set(GROUPS) - set(SCREENS) <= {"app", "table", "scroll"}


def test_actions_of_everywhere_have_their_methods():
    for action in actions_of("app"):
        assert hasattr(PromptrecApp, f"action_{action.action.removeprefix('app.').partition('(')[0]}"), (
            action.id
        )


def test_the_readme_table_names_every_key():
    table = key_table()
    for action in ACTIONS:
        for key in filter(None, action.keys.split(",")):
            assert f"`{key_text(key)}`" in table
        if action.keys:
            assert action.help in table
