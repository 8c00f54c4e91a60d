"""Other keys for the actions of the table: which ones are free, and which of a file can be used."""

from collections.abc import Mapping

from textual import events
from textual.dom import DOMNode
from textual.keys import _character_to_key

from promptrec_tui.text import clean, did_you_mean
from promptrec_tui.tui.actions import ACTIONS, BY_ID, FORMS, GROUPS, KEYMAP, Action, key_text

MODAL = {"confirm", "help"}
"""Places that cover all others: their keys mean something there only."""

NEEDED = ("escape", "enter", "tab", "shift+tab", "ctrl+c", "ctrl+q", "up", "down", "left", "right")
"""Keys that the app and its fields cannot do without."""


def usable(keys: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Those of the keys of a file that can be used, and a sentence about each of the others."""
    used: dict[str, str] = {}
    problems = []
    for id, text in keys.items():
        if id not in BY_ID:
            near = did_you_mean(id, BY_ID)
            problems.append(f"There is no action {clean(id)!r} to give a key to.{near}")
        elif problem := clash(BY_ID[id], text, used):
            problems.append(problem)
        else:
            used[id] = text
    return used, problems


def clash(action: Action, keys: str, keymap: Mapping[str, str] = KEYMAP) -> str:
    """Why an action cannot have these keys under a keymap, in a sentence; empty if it can."""
    return next(filter(None, (_clash(action, key.strip(), keymap) for key in keys.split(","))), "")


def _clash(action: Action, key: str, keymap: Mapping[str, str]) -> str:
    shown = clean(key_text(key))
    if not key:
        return f"{action.label} needs a key."
    if key in NEEDED and key not in action.keys.split(","):
        return f"{shown} cannot mean {action.label}: the app needs it."
    if len(key) == 1 and set(FORMS.split()) & set(action.places):
        return f"{shown} cannot mean {action.label}: in a form it is a letter. Take f1 to f12 or ctrl."
    for other in ACTIONS:
        keys = keymap.get(other.id, other.keys)
        if other.id != action.id and _meet(action, other) and _plain(key) in map(_plain, keys.split(",")):
            return f"{shown} means {other.label} already ({GROUPS[other.places[0]]}): choose another key."
    return ""


def _meet(one: Action, other: Action) -> bool:
    """Whether both can be asked for at the same moment."""
    a, b = set(one.places), set(other.places)
    if a & b:
        return True
    if (a | b) & MODAL:
        return False
    # Tables and texts are parts of screens.
    return bool((a | b) & {"app", "table", "scroll"}) and not (a | b) <= {"table", "scroll"}


def takes_text(widget: DOMNode | None) -> bool:
    """Whether a widget takes letters as text: a field, of one line or of several."""
    return widget is not None and widget.check_consume_key("a", "a")


def key_of(event: events.Key) -> str:
    """A pressed key as the table of actions writes it."""
    sign = event.character or ""
    # Commas stand between keys, and a blank could not be seen.
    return sign if event.is_printable and sign not in ", " else event.key


def _plain(key: str) -> str:
    key = key.strip()
    return _character_to_key(key) if len(key) == 1 else key
