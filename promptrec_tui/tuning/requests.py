"""How a trainer receives requests to pause, stop or save a checkpoint; the supervisor carries out a kill."""

import signal
from typing import Literal

from promptrec_tui.runs.events import AckEvent
from promptrec_tui.runs.requests import Request, requests
from promptrec_tui.tuning.journal import Journal

Ending = Literal["pause", "stop"]


class CancelledError(Exception):
    """A long computation was cancelled because the run must pause or stop."""


class RequestInbox:
    """The open requests to one attempt; each gets an `ack` event when it has been carried out."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._known: set[int] = set()
        self._open: list[Request] = []
        self._terminated = False

    def take_signals(self) -> None:
        """Treat SIGTERM as a request to pause: save a checkpoint and free the device."""

        def terminate(_number: int, _frame: object) -> None:
            self._terminated = True

        signal.signal(signal.SIGTERM, terminate)

    def poll(self) -> None:
        """Read new requests."""
        for request in requests(self._journal.folder, self._journal.attempt, self._known):
            self._known.add(request.number)
            if request.command != "kill":
                self._open.append(request)

    @property
    def ending(self) -> Ending | None:
        """How the run must end, as of the last poll; a stop has precedence over a pause."""
        commands = {request.command for request in self._open}
        if "stop" in commands:
            return "stop"
        return "pause" if "pause" in commands or self._terminated else None

    @property
    def wants_checkpoint(self) -> bool:
        """Whether there is an open request for a checkpoint."""
        return any(request.command == "checkpoint" for request in self._open)

    def cancelled(self) -> bool:
        """Poll, and return whether a long computation should be cancelled."""
        self.poll()
        return self.ending is not None

    def answer(self, result: str, *commands: str) -> None:
        """Acknowledge with `result` the open requests of these commands, or of all if none are given."""
        for request in [*self._open]:
            if not commands or request.command in commands:
                self._journal.write(AckEvent(request.number, request.command, result))
                self._open.remove(request)
