"""Why an attempt ended, in one sentence that says what to do. Nothing here looks anything up."""

import re
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from shlex import quote
from typing import Any

from promptrec_tui.runs.states import State
from promptrec_tui.text import clean

PAUSED_FOR_ROOM = 75
"""The trainer's exit status when it pauses for a full disk, on which its own word may not be readable."""

FROM_OUTSIDE = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
"""Signals that people and systems send; the others mean that the trainer broke."""

HOST_MEMORY = (
    "make room (other programs, a smaller train.batch_size or base model in a fork), then resume the run."
)

CAUSES = (
    (
        re.compile(r"\bMemoryError\b|DefaultCPUAllocator|Cannot allocate memory"),
        f"The machine ran out of memory: {HOST_MEMORY}",
    ),
    (
        re.compile(r"OutOfMemoryError|(CUDA|HIP|MPS backend) out of memory|ALLOC_FAILED"),
        "The GPU ran out of memory: free it of other programs and resume the run, "
        "or fork it with train.gradient_checkpointing=true or a smaller data.max_history.",
    ),
    (
        re.compile(r"No space left|[Qq]uota exceeded|File too large"),
        "The disk is full: make room, then resume the run.",
    ),
    (
        re.compile(r"ModuleNotFoundError|ImportError|No module named|cannot open shared object file"),
        "The installation of promptrec is incomplete ({line}): install it again, then resume the run.",
    ),
    (
        re.compile(r"CUDA error|CUDA driver|cuDNN error|CUBLAS|NVIDIA driver"),
        "The GPU or its driver failed ({line}): look at it with nvidia-smi, then resume the run.",
    ),
    (
        re.compile(r"PermissionError|Permission denied"),
        "A file may not be read or written ({line}): mend its permissions, then resume the run.",
    ),
)
"""What the last line of a log or an error's text means; the first that fits counts."""

FAULTS = (
    *("Traceback (most recent call last)", "Error", "Exception", "ERROR", "CRITICAL", "FATAL"),
    *("out of memory", "DefaultCPUAllocator", "Cannot allocate memory", "ALLOC_FAILED"),
    *(
        "No space left",
        "uota exceeded",
        "File too large",
        "No module named",
        "cannot open shared object file",
    ),
    *("CUDA error", "CUDA driver", "cuDNN error", "CUBLAS", "NVIDIA driver", "Permission denied"),
    *("Segmentation fault", "core dumped", "Killed"),
)
"""One of them is in each line that reports an error: every cause, and what programs print before they end."""


@dataclass(frozen=True)
class End:
    """How a trainer ended, as its supervisor saw it.

    `code`: its exit status, or minus the signal that ended it; `lines`: the last ones of its log, clean;
    `killed`: a kill was requested; `short_of_memory`: the kernel ended a process for its memory meanwhile.
    """

    code: int
    lines: Sequence[str] = ()
    killed: bool = False
    short_of_memory: bool = False

    @property
    def signal(self) -> int:
        """The signal that ended it, 0 if none. A process that caught one may exit with 128 + signal."""
        if self.code < 0:
            return -self.code
        return self.code - 128 if self.code - 128 in FROM_OUTSIDE else 0

    @property
    def signal_name(self) -> str | None:
        """Its name, such as SIGKILL."""
        if not self.signal:
            return None
        try:
            return signal.Signals(self.signal).name
        except ValueError:
            return f"signal {self.signal}"


def diagnose(end: End) -> tuple[State, str]:
    """State and reason of an attempt whose trainer wrote no `finished` event.

    A signal from outside is an interruption, anything else a failure.
    """
    if end.killed:
        return State.INTERRUPTED, "Killed on request: resume continues from the newest checkpoint."
    if end.signal == signal.SIGKILL and end.short_of_memory:
        return State.FAILED, f"The kernel ended the trainer, probably for want of memory: {HOST_MEMORY}"
    if end.signal in FROM_OUTSIDE:
        return State.INTERRUPTED, (
            f"The trainer was ended by {end.signal_name} from outside: "
            "resume continues from the newest checkpoint."
        )
    last = end.lines[-1] if end.lines else ""
    if known := explain(last):
        return State.FAILED, known
    how = f"was ended by {end.signal_name}" if end.signal else f"ended with status {end.code}"
    return State.FAILED, f"The trainer {how}: {last or 'it printed nothing'}"


def explain(line: str) -> str | None:
    """What an error's text means and what to do; None for one that is not known."""
    for pattern, sentence in CAUSES:
        if pattern.search(line):
            return sentence.format(line=clean(line)[:200])
    return None


def is_fault(text: str) -> bool:
    """Whether a line of a log reports an error, or some lines have one that does."""
    return any(fault in text for fault in FAULTS)


@dataclass(frozen=True)
class Remedy:
    """A failure that a fork with other settings may spare."""

    reason: str
    settings: Mapping[str, Any] = field(default_factory=dict)


def gpu_memory(run: str, step: int, forwards: int, rows: int, checkpointing: bool, history: int) -> Remedy:
    """What to do when a training step of `forwards` forwards, at most `rows` rows each, did not fit.

    train.batch_size counts the targets of a step, and so is part of the result; what a GPU must hold at once
    is one forward. So not the batch is halved but the forward, by twice as many of them in a step.
    """
    if rows > 1:
        settings: dict[str, Any] = {"train.accumulate": 2 * forwards}
        why = "half as much at once, but the same targets a step: only rounding and dropout masks differ"
    elif not checkpointing:
        settings = {"train.gradient_checkpointing": True}
        why = "one row must fit, so its activations are computed twice instead of kept"
    else:
        settings = {"data.max_history": max(1, history // 2)}
        why = "one row must fit, so prompts hold half the history, and the result changes"
    words = " ".join(f"--set {key}={str(value).lower()}" for key, value in settings.items())
    command = f"promptrec run fork {quote(run)} {words}"
    return Remedy(f"The GPU ran out of memory in step {step}: {command} ({why}).", settings)


def no_figures(run: str, step: int) -> str:
    """What is said where training is over and the device has no memory to rank the test targets."""
    return (
        f"The adapter of step {step} is kept, but its test figures are missing: the GPU had no memory to "
        f"score titles, not even a few for one user. Free it of other programs, then "
        f"'promptrec run resume {quote(run)} --evaluate' makes them."
    )
