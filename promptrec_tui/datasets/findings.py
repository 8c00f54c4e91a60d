"""Lint findings: one problem of a dataset, with its count, examples and advice."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from promptrec_tui.text import clean

Severity = Literal["serious", "warning", "note"]
"""Serious: figures over this dataset cannot be trusted. Warning: they may mislead. Note: good to know."""

SEVERITIES: tuple[Severity, ...] = ("serious", "warning", "note")
MOST_EXAMPLES = 5
EXAMPLE_LENGTH = 120


@dataclass(frozen=True)
class Lint:
    """One finding; `share` is the part (0 to 1) that `count` is of all that `finding` speaks of."""

    lint: str
    severity: Severity
    finding: str
    count: int
    share: float
    examples: tuple[str, ...]
    way_on: str


def shown(examples: Iterable[str]) -> tuple[str, ...]:
    """The first few examples, on one line each and not too long."""
    return tuple(excerpt(text) for text in islice(examples, MOST_EXAMPLES))


def excerpt(text: str) -> str:
    """The beginning of a text, fit for one line of a terminal."""
    text = clean(text[: 2 * EXAMPLE_LENGTH])
    return text if len(text) <= EXAMPLE_LENGTH else text[: EXAMPLE_LENGTH - 1] + "…"


def percent(share: float) -> str:
    """`19%`, and `0.3%` where a whole number would say 0 or 100."""
    rounded = f"{share:.0%}"
    return f"{share:.1%}" if share and rounded in ("0%", "100%") and share != 1 else rounded
