"""The states of a run, and which may follow which."""

from enum import StrEnum


class State(StrEnum):
    """The state of a run. *Stalled* is not a state but a badge on a running one."""

    DRAFT = "draft"
    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    STOPPING = "stopping"
    STOPPED = "stopped"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


ACTIVE = frozenset({State.STARTING, State.RUNNING, State.PAUSING, State.STOPPING})
"""A process is at work."""

TERMINAL = frozenset({State.PAUSED, State.STOPPED, State.DONE, State.FAILED, State.INTERRUPTED})
"""The last attempt has ended; nothing happens until a person asks for another one."""

RESUMABLE = TERMINAL - {State.DONE}
"""Another attempt may be asked for."""

_ENDS = frozenset({State.PAUSED, State.DONE, State.FAILED, State.INTERRUPTED})

TRANSITIONS: dict[State, frozenset[State]] = {
    State.DRAFT: frozenset({State.QUEUED}),
    State.QUEUED: frozenset({State.STARTING, State.DRAFT}) | RESUMABLE,
    State.STARTING: frozenset({State.RUNNING, State.PAUSING, State.STOPPING}) | _ENDS,
    State.RUNNING: frozenset({State.PAUSING, State.STOPPING}) | _ENDS,
    State.PAUSING: frozenset({State.STOPPING}) | _ENDS,
    State.STOPPING: frozenset({State.STOPPED}) | _ENDS,
    State.PAUSED: frozenset({State.QUEUED}),
    State.STOPPED: frozenset({State.QUEUED}),
    State.FAILED: frozenset({State.QUEUED}),
    State.INTERRUPTED: frozenset({State.QUEUED}),
    State.DONE: frozenset(),
}
"""What may follow a state. A queued run that is taken back is again what it was before."""
