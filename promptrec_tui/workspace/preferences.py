"""What a person prefers in the app: other keys, and ASCII. A TOML file that people may write themselves."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field

from promptrec_tui.errors import UserError
from promptrec_tui.files import write_atomic
from promptrec_tui.home import Home

HEADING = "# What you prefer in the app. Its settings screen writes this file anew.\n"


@dataclass(frozen=True)
class Preferences:
    """`ascii`: draw with ASCII only; `keys`: keys by the id of an action, with commas between them."""

    ascii: bool = False
    keys: Mapping[str, str] = field(default_factory=dict)


def load_preferences(home: Home) -> Preferences:
    """The preferences of a home; the defaults without a file. Raises UserError for a file that is wrong."""
    path = home.preferences
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return Preferences()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise UserError(f"{path} is not TOML: {error}. Mend it, or delete it.") from None
    plain, keys = table.get("ascii", False), table.get("keys", {})
    if not isinstance(plain, bool):
        raise UserError(f"{path}: ascii must be true or false.")
    if not isinstance(keys, dict) or not all(isinstance(value, str) for value in keys.values()):
        raise UserError(f'{path}: the lines of [keys] must be like "runs.stop" = "x".')
    return Preferences(plain, keys)


def save_preferences(home: Home, preferences: Preferences) -> None:
    """Write the file anew."""
    lines = [f"ascii = {str(preferences.ascii).lower()}\n", "\n[keys]\n"]
    # A JSON string is a TOML string.
    lines += [f"{json.dumps(action)} = {json.dumps(keys)}\n" for action, keys in preferences.keys.items()]
    write_atomic(home.preferences, "".join([HEADING, *lines]).encode())
