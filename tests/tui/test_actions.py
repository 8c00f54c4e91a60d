"""The action table keeps its promises."""

import importlib
import pkgutil

import pytest

from promptrec_tui.tui import screens
from promptrec_tui.tui.actions import ACTIONS, GROUPS, actions_of, hints_of, key_table, key_text
from promptrec_tui.tui.app import PromptrecApp
from promptrec_tui.tui.widgets.hints import hints_width

MODULES = [
    importlib.import_module(f"{screens.__name__}.{m.name}") for m in pkgutil.iter_modules(screens.__path__)
]
SCREENS = {
    cls.PLACE: cls
    for module in MODULES
    for cls in vars(module).values()
    if isinstance(cls, type) and getattr(cls, "PLACE", "") and cls.__module__ == module.__name__
}


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
