"""What is written of an attempt: which processes began it, and how it ended."""

from dataclasses import dataclass

from promptrec_tui.runs.liveness import Process
from promptrec_tui.runs.states import TERMINAL, State
from promptrec_tui.typed import Moment


@dataclass(frozen=True)
class Started:
    """The processes of an attempt: `started.json`."""

    time: Moment | None = None
    supervisor: Process | None = None
    trainer: Process | None = None


@dataclass(frozen=True)
class Computing:
    """What an attempt computes with: `computing.json`."""

    device: str
    """The name of the GPU, "the Apple GPU" or "the CPU"."""
    precision: str
    """Type of weights and activations: fp32 or bf16."""
    attention: str
    """The attention kernel, by the name that transformers has for it: sdpa or eager."""


@dataclass(frozen=True)
class Verdict:
    """How an attempt ended: `exit.json`."""

    state: State
    reason: str
    code: int | None = None
    """The exit status; None when a signal ended the trainer."""
    signal: str | None = None
    time: Moment | None = None

    def __post_init__(self) -> None:
        if self.state not in TERMINAL:
            raise ValueError(f"state is {self.state.value}, in which nothing ends")
