"""Keys in the order in which they were pressed."""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from textual import events
from textual.app import App, ReturnType
from textual.message_pump import MessagePump

STEP_SECONDS = 1.0
"""How long a key waits for a widget that is busy, at each step of the way of the one before."""


class OrderedKeys(App[ReturnType]):
    """An app in which a key waits until the one before it has found its action.

    Textual gives a letter to the focused field at once, but a key with a binding climbs from the field to the
    app first. Of `/` and letters in one packet of a slow line, the letters would have acted on the list.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._pressed: deque[events.Key] = deque()
        self._climb: asyncio.Task[None] | None = None

    def takes_key(self, event: events.Key) -> bool:
        """Called for each key in its turn; whether it goes on to the focused widget."""
        return True

    async def on_event(self, event: events.Event) -> None:
        if not isinstance(event, events.Key) or event.is_forwarded:
            await super().on_event(event)
            return
        self._pressed.append(event)
        if self._climb is None:
            await self._next_key()

    async def _next_key(self) -> None:
        """Send the first key on its way, and follow it."""
        self._climb = None
        while self._pressed and self._climb is None:
            event = self._pressed.popleft()
            if self.takes_key(event):
                way = (self.focused or self.screen).ancestors_with_self
                await super().on_event(event)
                self._climb = asyncio.create_task(self._follow(way))

    async def _follow(self, way: Sequence[MessagePump]) -> None:
        """Wait until everything on the way has handled the key, the app last; then comes the next key."""
        for step in way:
            if step is self:
                break
            handled = asyncio.Event()
            if step.call_later(handled.set):
                with suppress(TimeoutError):
                    await asyncio.wait_for(handled.wait(), STEP_SECONDS)
        # What the key's action asks of the app, such as another focus, stands behind the action in its queue.
        self.call_later(self.call_later, self._next_key)
