"""Names of datasets, templates, models and runs: checks, and free names."""

from collections.abc import Collection

from promptrec_tui.errors import UserError
from promptrec_tui.text import clean

LONGEST = 80


def check_name(noun: str, name: str, taken: Collection[str]) -> None:
    """Raise UserError unless `name` is new, not empty, printable and short enough."""
    if not name.strip():
        raise UserError(f"Give the {noun} a name.")
    if clean(name) != name or name != name.strip():
        raise UserError(
            f"The {noun} name {clean(name)!r} has control characters or outer spaces: leave them out."
        )
    if len(name) > LONGEST:
        raise UserError(f"The {noun} name {name[:20]!r}… is longer than {LONGEST} characters: shorten it.")
    if "@" in name:
        raise UserError(f"The {noun} name {name!r} has an @, which stands before a version: leave it out.")
    if name in taken:
        raise UserError(f"A {noun} called {name!r} exists already: choose another name.")


def free_name(wanted: str, taken: Collection[str]) -> str:
    """`wanted`, or `wanted-2`, `wanted-3`… when that name exists."""
    number, name = 1, wanted
    while name in taken:
        number += 1
        name = f"{wanted}-{number}"
    return name
