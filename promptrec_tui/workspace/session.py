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


def save_session(home: Home, session: dict[str, Any]) -> None:
    """Save `session` in place of the last one."""
    write_json(home.session, session)
