"""The keys of actions, from the app's own table: what is pressed, and what a terminal sends for it."""

from textual.keys import key_to_character

from promptrec_tui.tui.actions import ACTIONS

SENT = {"enter": "\r", "escape": "\x1b[27u"}


def key_of(action: str) -> str:
    """The first key of the action with that id."""
    (keys,) = (each.keys for each in ACTIONS if each.id == action)
    return keys.partition(",")[0]


def sent_for(action: str) -> str:
    """What a terminal sends for that key."""
    key = key_of(action)
    if key.startswith("ctrl+"):
        return chr(ord(key[-1]) & 31)
    return SENT.get(key) or key_to_character(key) or key
