"""What the check of a run has found before it starts, and what the run will take."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `text` is one sentence."""

    name: str
    verdict: Literal["pass", "warn", "fail"]
    text: str


@dataclass(frozen=True)
class Forecast:
    """What a run will take: seconds of training and of evaluation, bytes of memory at most and of disk."""

    steps: int
    step_seconds: float
    training_seconds: float
    evaluation_seconds: float
    memory: int
    disk: int


@dataclass(frozen=True)
class Preflight:
    """All findings, and the forecast."""

    findings: tuple[Finding, ...]
    forecast: Forecast

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return all(finding.verdict != "fail" for finding in self.findings)
