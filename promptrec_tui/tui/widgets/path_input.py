"""A field for a path, with completion."""

import asyncio
import os
from pathlib import Path

from textual.suggester import Suggester
from textual.widgets import Input

MOST_ENTRIES = 2_000


class PathSuggester(Suggester):
    """Completes a path with the first name, in order, that begins as typed."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        return await asyncio.to_thread(complete, value)


class PathInput(Input):
    """`right` at the end of the text takes the completion."""

    def __init__(self, placeholder: str = "", id: str | None = None) -> None:
        super().__init__(placeholder=placeholder, suggester=PathSuggester(), id=id, compact=True)


def complete(typed: str) -> str | None:
    """`typed` completed by a name in its folder, a folder's with a slash; None when there is none.

    Hidden names are offered only after a dot. Of a very large folder only a part is read.
    """
    folder, _, start = typed.rpartition("/")
    if not typed or (not start and "/" not in typed):
        return None
    base = Path(f"{folder}/" if "/" in typed else ".").expanduser()
    names = []
    try:
        with os.scandir(base) as entries:
            for _, entry in zip(range(MOST_ENTRIES), entries, strict=False):
                if entry.name.startswith(start) and (start or not entry.name.startswith(".")):
                    names.append(entry.name + ("/" if entry.is_dir() else ""))
    except (OSError, RuntimeError, ValueError):
        return None
    names = [name for name in names if name.isprintable()]
    return f"{typed[: len(typed) - len(start)]}{min(names)}" if names else None
