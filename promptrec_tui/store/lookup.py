"""Finding one row by name or id."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from promptrec_tui.errors import UserError
from promptrec_tui.text import clean, did_you_mean


class Named(Protocol):
    """A row with a name and an id."""

    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str: ...


R = TypeVar("R", bound=Named)


def pick(noun: str, wanted: str, rows: Sequence[R]) -> R:
    """The row whose name, or else whose id, is `wanted`.

    Raises UserError with the nearest names, or that there is none yet.
    """
    for row in rows:
        if row.name == wanted:
            return row
    for row in rows:
        if row.id == wanted:
            return row
    if not rows:
        raise UserError(f"There is no {noun} called {clean(wanted)!r}: there is none at all yet.")
    raise UserError(
        f"There is no {noun} called {clean(wanted)!r}.{did_you_mean(wanted, [row.name for row in rows])}"
        f" `promptrec {noun} list` shows them all."
    )


def refuse_taken(noun: str, name: str, taken: Any) -> None:
    """Raise UserError when a row with that name was found."""
    if taken is not None:
        raise UserError(f"A {noun} called {clean(name)!r} exists already: choose another name.")
