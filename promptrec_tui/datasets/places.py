"""Where in a source something stands, and how an error shows it."""

from collections.abc import Iterable
from pathlib import Path

from promptrec_tui.errors import UserError
from promptrec_tui.text import clean

SHOWN_CHARACTERS = 40
SHOWN_NAMES = 20


def located(path: Path, line: int, message: str, unit: str = "line") -> UserError:
    """The UserError that says where: file, line (or row, record), and one sentence without its full stop."""
    return UserError(f"{shown_name(path)}, {unit} {line}: {message}.")


def shown_name(path: Path) -> str:
    """The name of a file or folder, safe for a terminal."""
    return clean(path.name) or str(path)


def quoted(text: str) -> str:
    """A value from a file, as an error shows it: cleaned, cut, in quotes."""
    text = clean(text[: SHOWN_CHARACTERS + 1])
    return f'"{text}"' if len(text) <= SHOWN_CHARACTERS else f'"{text[:SHOWN_CHARACTERS]}…"'


def listed(names: Iterable[str]) -> str:
    """Names from a file in quotes, as many as an error can show."""
    found = [quoted(name) for name in names]
    more = f" and {len(found) - SHOWN_NAMES:,} more" if len(found) > SHOWN_NAMES else ""
    return ", ".join(found[:SHOWN_NAMES]) + more
