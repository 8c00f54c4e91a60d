"""What can be jumped to on a screen: its panes, fields and tabs, each with a letter."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from textual.geometry import Offset
from textual.screen import Screen

LETTERS = "asdfghjklqwertyuiopzxcvbnm"
"""In the order of their reach from the home row."""


@dataclass(frozen=True)
class Place:
    """A cell of the terminal, and what goes to the thing that begins there."""

    offset: Offset
    go: Callable[[], object]


@runtime_checkable
class Jumpable(Protocol):
    """A widget that holds places of its own, such as tabs."""

    def jump_places(self) -> Iterator[Place]:
        """Its places, from the left."""


def jump_places(screen: Screen[Any]) -> dict[str, Place]:
    """The places of a screen that are in sight, by letter: tabs, then panes and fields from the top."""
    tabs = [
        place
        for widget in screen.query("*")
        if isinstance(widget, Jumpable) and widget.region
        for place in widget.jump_places()
    ]
    panes = [
        Place(widget.region.offset, widget.focus)
        for widget in screen.focus_chain
        if widget.region and screen.region.contains_point(widget.region.offset)
    ]
    panes.sort(key=lambda place: (place.offset.y, place.offset.x))
    places: dict[Offset, Place] = {}
    for place in (*tabs, *panes):
        offset = place.offset
        # A pane and its first field begin at the same cell.
        while offset in places:
            offset += Offset(2, 0)
        places[offset] = Place(offset, place.go)
    return dict(zip(LETTERS, places.values(), strict=False))
