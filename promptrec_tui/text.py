"""Text from outside, made safe for a terminal."""

import difflib
import math
import os
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


SPACES = frozenset("\t\n\r\x0b\x0c\x85\u2028\u2029")


def clean(text: str) -> str:
    """`text` on one line, without control characters, bidi control characters and lone surrogates.

    A terminal acts on the control characters C0 and C1 (a title could write the clipboard), and those of bidi
    reorder the text beside them. Line ends and tabs become one space each; the others are removed.
    """
    if text.isprintable():
        return text
    return "".join(" " if char in SPACES else char for char in text if char in SPACES or is_harmless(char))


def is_harmless(char: str) -> bool:
    """Whether a terminal may get it: no control character (C0, DEL, C1, bidi), line end or surrogate."""
    return unicodedata.category(char) not in ("Cc", "Cs", "Zl", "Zp") and char not in BIDI_CONTROLS


def clean_lines(text: str) -> str:
    """`text` cleaned line by line: newlines stay, tabs become spaces. For prompts and logs."""
    return "\n".join(clean(line) for line in text.split("\n"))


def path_text(path: Path) -> str:
    """A path to be written down. Names are bytes: what is no UTF-8 in one becomes a replacement character."""
    return os.fsencode(path).decode(errors="replace")


METRIC_WORDS = {"macro_f1": "macro-F1", "logloss": "log loss"}
MEANS = ("hr", "ndcg", "mrr", "accuracy")
"""Metrics that are means over cases of values from 0 to 1."""

Z = 1.96
SOME, MANY = 100, 1000
"""Cases from which a mean gets a third and a fourth digit; with fewer, its interval stands beside it."""

FEW = 30
"""With fewer cases than this, a mean and its interval are unreliable."""


def metric_text(name: str) -> str:
    """A metric's name as people write it: `NDCG@10`, `macro-F1`, `accuracy`."""
    base, at, k = name.partition("@")
    short = at or base in ("mrr", "ece", "auc")
    return METRIC_WORDS.get(base) or (f"{base.upper()}{at}{k}" if short else base.replace("_", " "))


def cases_text(count: int, noun: str = "user") -> str:
    """How many cases a figure is of: `1 user`, `3,080 texts`."""
    return f"1 {noun}" if count == 1 else f"{count:,} {noun}s"


def digits(cases: int | None) -> int:
    """How many digits of a mean of so many cases tell something; None: it is not known of how many."""
    return 4 if cases is None or cases >= MANY else 3 if cases >= SOME else 2


def figure_text(value: float | None, cases: int | None = None, metric: str = "") -> str:
    """A measured figure: `0.083` of 200 cases, `0.14 (0.06 to 0.31)` of 25; a dash without one.

    The 95 % interval is given for few cases and a `metric` that is a mean of values from 0 to 1. It is
    Wilson's: made for shares of hits, and rather too wide for values in between.
    """
    if value is None:
        return "-"
    if not math.isfinite(value):
        return "nan"
    interval = wilson_text(value, cases, metric)
    return f"{value:.{digits(cases)}f}{f' ({interval})' if interval else ''}"


def wilson_text(value: float | None, cases: int | None, metric: str) -> str:
    """The 95 % interval of a mean of fewer than `SOME` cases, `0.06 to 0.31`; empty for other figures."""
    if not cases or cases >= SOME or metric.partition("@")[0] not in MEANS:
        return ""
    if value is None or not 0 <= value <= 1:
        return ""
    shrunk = 1 + Z**2 / cases
    middle = (value + Z**2 / (2 * cases)) / shrunk
    half = Z / shrunk * math.sqrt(value * (1 - value) / cases + Z**2 / (4 * cases**2))
    return f"{max(0.0, middle - half):.2f} to {min(1.0, middle + half):.2f}"


def protocol_text(protocol: Mapping[str, Any], cases: int | None = None) -> str:
    """What test figures were measured on: `200 users, 9,123 items ranked, split leave_one_out`."""
    count = cases if cases is not None else protocol.get("users")
    noun = "text" if "labels" in protocol else "user"
    return ", ".join([*([cases_text(count, noun)] if count is not None else []), *protocol_parts(protocol)])


def protocol_parts(protocol: Mapping[str, Any]) -> list[str]:
    """What is known of a protocol besides the number of cases, in a few words each."""
    labels, catalogue = protocol.get("labels"), protocol.get("catalogue")
    parts = [
        f"{labels:,} labels" if labels is not None else "",
        f"{catalogue:,} items ranked" if catalogue is not None else "",
        f"seen items {protocol['seen']}" if "seen" in protocol else "",
        f"split {protocol['split']}" if "split" in protocol else "",
        f"ties by {protocol['tie_rule']}" if "tie_rule" in protocol else "",
    ]
    return [clean(part) for part in parts if part]


def few_cases(count: int, noun: str = "user") -> str:
    """The warning that goes with test figures of few cases; empty for enough."""
    if count >= FEW:
        return ""
    return f"Only {cases_text(count, f'test {noun}')}: another sample may give other figures."


def did_you_mean(name: str, known: Iterable[str], count: int = 2) -> str:
    """ " Did you mean 'x' or 'y'?" for the names nearest to a mistyped one; empty when none is near."""
    folded = {candidate.casefold(): candidate for candidate in known}
    near = difflib.get_close_matches(name.casefold(), list(folded), count)
    return f" Did you mean {' or '.join(repr(clean(folded[match])) for match in near)}?" if near else ""


def percent(share: float) -> str:
    """`12.3%`; two digits after the point below 10 %, and a bound for what is below them."""
    if 0 < share < 0.00005:
        return "<0.01%"
    return f"{share:.2%}" if share < 0.0995 else f"{share:.1%}"


def shares_text(shares: Mapping[str, float]) -> str:
    """The shares of a blend as `model 55%, markov 30%`: the largest first, none below half a percent.

    All features of the model, whose names begin with "model_", count as one.
    """
    parts: dict[str, float] = {}
    for feature, share in shares.items():
        name = "model" if feature.startswith("model_") else feature
        parts[name] = parts.get(name, 0.0) + share
    ordered = sorted(parts.items(), key=lambda part: -part[1])
    return ", ".join(f"{clean(name)} {share:.0%}" for name, share in ordered if share >= 0.005)


def left_text(seconds: float, now: datetime, what: str = "") -> str:
    """`12 min left, ends about 14:31`, in the time zone of `now`; with its day if that is another.

    `what` ends then, if that is not all: `40 s left, testing ends about 14:31`.
    """
    end = now + timedelta(seconds=seconds)
    at = f"{end:%H:%M}" if end.date() == now.date() else f"{end:%Y-%m-%d %H:%M}"
    return f"{duration_text(seconds)} left, {f'{what} ' if what else ''}ends about {at}"


def count_text(done: int | None, total: int | None) -> str:
    """`1,200/9,000`, the count alone where its end is not known, and nothing where nothing is counted."""
    if total is None:
        return f"{done:,}" if done else ""
    return f"{done or 0:,}/{total:,}"


def duration_text(seconds: float) -> str:
    """`40 s`, `12 min`, `3 h 05 min`, `2 d 4 h`."""
    minutes = round(seconds / 60)
    if seconds < 59.5:
        return f"{round(seconds)} s"
    if minutes < 60:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h {minutes % 60:02} min" if hours < 24 else f"{hours // 24} d {hours % 24} h"


def size_text(count: int) -> str:
    """`812 bytes`, `12.3 KB`, `1.2 GB`: thousands of bytes."""
    size, unit = float(count), ""
    for larger in ("KB", "MB", "GB", "TB"):
        if size < 999.5:
            break
        size, unit = size / 1000, larger
    return f"{size:.1f} {unit}" if unit else f"{count} bytes"
