"""The saved session of the app: the mode, the selected run, its tab, the scroll position."""

from typing import Any

from promptrec_tui.files import read_json, write_json
from promptrec_tui.home import Home


def load_session(home: Home) -> dict[str, Any]:
    """The last saved session; empty when there is none or it cannot be read, since nothing depends on it."""
    try:
        session = read_json(home.session)
    except (OSError, ValueError):
        return {}
    return session if isinstance(session, dict) else {}


def load_list(home: Home) -> object:
    """The rows that the list of runs showed last; None when there are none or they cannot be read."""
    try:
        return read_json(home.last_list)
    except (OSError, ValueError):
        return None


def save_list(home: Home, rows: dict[str, Any]) -> None:
    """Keep the rows that the list of runs shows, in place of the last ones."""
    write_json(home.last_list, rows)


def save_session(home: Home, session: dict[str, Any]) -> None:
    """Save `session` in place of the last one."""
    write_json(home.session, session)
