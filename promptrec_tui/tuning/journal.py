"""What a trainer writes while it works: events, and the heartbeat of its attempt."""

import math
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from types import TracebackType
from typing import Any, Self

from promptrec_tui.files import write_json
from promptrec_tui.runs.attempts import Computing
from promptrec_tui.runs.event_log import EventLog
from promptrec_tui.runs.events import ComputingEvent, Event, PhaseEvent, WarningEvent
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.launchers import become_dispatcher
from promptrec_tui.runs.liveness import boottime, ground, identify, is_alive, write_heartbeat
from promptrec_tui.runs.phases import Phase
from promptrec_tui.runs.states import State

NEWS_SECONDS = 1.0
BEAT_SECONDS = 5.0

LOOK_SECONDS = 1.0
"""Time between two checks that the run's folder and lock still exist."""

LOST = 76
"""The trainer's exit status when the run's folder or lock is gone."""


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended: its state (done, stopped, paused or failed), the reason (one sentence), the step.

    `remedy`: settings with which a fork of a failed run may succeed. `full`: paused because the disk is full.
    """

    state: State
    reason: str
    step: int
    remedy: Mapping[str, Any] = field(default_factory=dict)
    full: bool = False


class Journal:
    """Writes the events of one attempt and its heartbeat."""

    def __init__(self, folder: RunFolder, attempt: int) -> None:
        self.folder = folder
        self.attempt = attempt
        self.step = 0
        self._events = EventLog(folder, attempt)
        self._phase: Phase | None = None
        self._done: int | None = None
        self._total: int | None = None
        self._message = ""
        self._told = 0.0
        self._progressed = boottime()

    def write(self, event: Event) -> None:
        """Append an event to the run's log. Raises OSError when the disk is full."""
        self._progressed = boottime()
        self._events.write(event)

    def phase(
        self, phase: Phase, done: int | None = None, total: int | None = None, message: str = ""
    ) -> None:
        """Write a phase event: at once when the phase begins or ends, and when count and message are both
        new; in between at most once a second.
        """
        self._progressed = boottime()
        now = time.monotonic()
        counting = done is not None and phase == self._phase
        old = counting and (done == self._done or (done != total and message == self._message))
        if old and now - self._told < NEWS_SECONDS:
            return
        self._phase, self._done, self._total, self._message = phase, done, total, message
        self._told = now
        self._events.write(PhaseEvent(phase.kind, done, total, message, phase.id))

    def detail(self, message: str, at_once: bool = False) -> None:
        """Say what the present phase does between two of its counts: at once, or at most once a second."""
        if at_once:
            self._told = -math.inf
        if self._phase:
            self.phase(self._phase, self._done, self._total, message)

    def alive(self) -> None:
        """Record progress for the heartbeat where no count changes for minutes."""
        self._progressed = boottime()

    def left_out(self, missing: str, step: int, error: Exception) -> None:
        """Write a warning that `step` lacks some results because of `error`."""
        self.write(WarningEvent(f"Step {step} has no {missing}. {error}"))

    def compute_with(self, computing: Computing) -> None:
        """Write device, precision and attention kernel as an event, and to the attempt's folder."""
        self.write(ComputingEvent(computing.device, computing.precision, computing.attention))
        write_json(self.folder.attempt(self.attempt).computing, asdict(computing))

    def got_to(self, step: int) -> None:
        """Record the optimiser step for the heartbeat."""
        self.step, self._progressed = step, boottime()

    @contextmanager
    def heartbeat(self) -> Iterator[None]:
        """Write `heartbeat.json` every few seconds from a thread, for as long as the block runs.

        The thread ends the process at once when the run's folder or lock is gone. The supervisor does the
        same, but it may have been killed.
        """
        over = threading.Event()
        here, supervisor = ground(self.folder), identify(os.getppid())

        def beat() -> None:
            beaten = -math.inf
            while True:
                if here.lost and supervisor and is_alive(supervisor):
                    os._exit(LOST)
                elif here.lost:
                    become_dispatcher()
                # The disk may be full for a while: try again with the next heartbeat.
                if time.monotonic() - beaten >= BEAT_SECONDS:
                    beaten = time.monotonic()
                    with suppress(OSError):
                        kind = self._phase.kind if self._phase else ""
                        write_heartbeat(self.folder, self.attempt, kind, self.step, self._progressed)
                if over.wait(LOOK_SECONDS):
                    return

        thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._events.close()
