"""Statistics of a dataset: counts, histograms, the most and the least popular items."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promptrec_tui.datasets.dataset import Dataset, Item
from promptrec_tui.datasets.event_lints import seconds
from promptrec_tui.datasets.text_lints import Texts

Progress = Callable[[str, int, int], None]
CountTokens = Callable[[str], int]
Numbers = NDArray[np.int64] | NDArray[np.float64]

SHOWN_ITEMS = 8
MOST_BARS = 14
A_DAY = 86_400
STEPS = (1, 2, 5)


@dataclass(frozen=True)
class Bar:
    """One bar of a histogram: how many fall under `label`."""

    label: str
    count: int


@dataclass(frozen=True)
class Histogram:
    """A distribution; `note` summarises it in a few words."""

    title: str
    bars: tuple[Bar, ...]
    note: str


@dataclass(frozen=True)
class Popular:
    """An item and how many events it has."""

    key: str
    title: str
    events: int


@dataclass(frozen=True)
class Statistics:
    """Counts and pictures of one dataset; `density` is interactions by all pairs of user and item."""

    users: int
    items: int
    interactions: int
    examples: int
    density: float
    histograms: tuple[Histogram, ...]
    top: tuple[Popular, ...]
    tail: tuple[Popular, ...]


def describe_dataset(
    dataset: Dataset, progress: Progress, count_tokens: CountTokens | None = None, model: str = ""
) -> Statistics:
    """Counts and histograms of `dataset`; lengths in tokens where `count_tokens` (of `model`) is given."""
    progress("reading", 0, 0)
    items, events = dataset.items(), dataset.events()
    texts = Texts(list(dataset.examples()))
    pictures: list[Histogram] = []
    if len(events):
        progress("counting", 0, 0)
        popularity = np.array([item.events for item in items], dtype=np.int64)
        pictures += [
            _spread("events per user", events.lengths, "user"),
            _spread("events per item", popularity, "item", _heads(popularity)),
        ]
        if (times := seconds(events)) is not None:
            pictures.append(_over_time(times))
        if len(ratings := events.rating[~np.isnan(events.rating)]):
            pictures.append(_values("ratings", ratings))
    if texts.examples:
        pictures.append(_labels("labels", texts.labels))
        if any(texts.splits):
            pictures.append(_labels("splits", texts.splits))
    if count_tokens:
        for noun, texts_of in (("title", [item.title for item in items]), ("text", texts.texts)):
            if texts_of:
                lengths = _lengths(texts_of, count_tokens, progress, f"counting tokens of {noun}s")
                pictures.append(_values(f"{noun} length in tokens of {model}", lengths))
    by_events = sorted(items, key=lambda item: -item.events)
    counts = dataset.counts
    return Statistics(
        counts.users,
        counts.items,
        counts.interactions,
        counts.examples,
        _density(dataset),
        tuple(pictures),
        _popular(by_events[:SHOWN_ITEMS]),
        _popular(by_events[: -SHOWN_ITEMS - 1 : -1]),
    )


def _density(dataset: Dataset) -> float:
    pairs = dataset.counts.users * dataset.counts.items
    return dataset.counts.interactions / pairs if pairs else 0.0


def _popular(items: Iterable[Item]) -> tuple[Popular, ...]:
    return tuple(Popular(item.key, item.title, item.events) for item in items)


def _lengths(texts: Sequence[str], count: CountTokens, progress: Progress, phase: str) -> NDArray[np.int64]:
    lengths = np.empty(len(texts), dtype=np.int64)
    for number, text in enumerate(texts):
        if number % 1024 == 0:
            progress(phase, number, len(texts))
        lengths[number] = count(text)
    return lengths


def _heads(popularity: NDArray[np.int64]) -> str:
    """How much of all events the most popular items have, and how many items have none."""
    ordered = np.sort(popularity)[::-1]
    tenth = max(1, len(ordered) // 10)
    unseen = int((popularity == 0).sum())
    return f"the top 10% have {ordered[:tenth].sum() / max(ordered.sum(), 1):.0%} of all events" + (
        f", {unseen:,} none" if unseen else ""
    )


def _spread(title: str, counts: NDArray[np.int64], each: str, more: str = "") -> Histogram:
    """Counts in classes that grow: 0, 1, 2-4, 5-9, 10-19, …"""
    most = int(counts.max())
    edges = [0, *(step * 10**power for power in range(len(str(most))) for step in STEPS)]
    edges = [edge for edge in edges if edge <= most]
    while len(edges) > 1 and edges[1] <= counts.min():
        edges.pop(0)
    edges.append(most + 1)
    inside = np.histogram(counts, edges)[0].tolist()
    bars = [
        Bar(_range(low, after - 1), count)
        for low, after, count in zip(edges, edges[1:], inside, strict=False)
    ]
    note = f"median {np.median(counts):g}, mean {counts.mean():.1f}, most {most:,} per {each}"
    return Histogram(title, tuple(bars), f"{note}; {more}" if more else note)


def _range(low: float, high: float) -> str:
    return _number(low) if high <= low else f"{_number(low)}-{_number(high)}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"


def _values(title: str, values: Numbers) -> Histogram:
    """Values as they are where there are few, else in equal classes of a round width."""
    note = f"median {np.median(values):g}, mean {values.mean():.1f}, {values.min():g} to {values.max():g}"
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) <= MOST_BARS:
        bars = [Bar(_number(value), int(count)) for value, count in zip(distinct, counts, strict=True)]
        return Histogram(title, tuple(bars), note)
    low, high = float(values.min()), float(values.max())
    whole = bool((values == np.floor(values)).all())
    width = _round_width((high - low) / MOST_BARS)
    if whole:
        width = max(1.0, np.ceil(width))
    first = np.floor(low / width) * width
    edges = np.arange(first, high + width * 1.0001, width)
    inside = np.histogram(values, edges)[0]
    last = width - 1 if whole else width
    bars = [
        Bar(_range(edge, edge + last), int(count)) for edge, count in zip(edges[:-1], inside, strict=True)
    ]
    return Histogram(title, tuple(bars), note)


def _round_width(rough: float) -> float:
    """The next of 1, 2 and 5 times a power of ten."""
    power = 10.0 ** np.floor(np.log10(rough))
    return float(next(step * power for step in (*STEPS, 10) if step * power >= rough))


def _over_time(times: NDArray[np.float64]) -> Histogram:
    """Events by day, month or year, whichever gives few enough bars; else by as many years as it takes."""
    days = (times // A_DAY).astype(np.int64).astype("datetime64[D]")
    for unit in ("D", "M", "Y"):
        moments = days.astype(f"datetime64[{unit}]")
        first, numbers = moments.min(), (moments - moments.min()).astype(np.int64)
        if numbers.max() < MOST_BARS:
            break
    width = int(numbers.max()) // MOST_BARS + 1
    counts = np.bincount(numbers // width).tolist()
    starts = (first + np.arange(len(counts)) * width).astype(str).tolist()
    last = (first + np.arange(len(counts)) * width + (width - 1)).astype(str).tolist()
    labels = [start if width == 1 else f"{start}-{end}" for start, end in zip(starts, last, strict=True)]
    bars = [Bar(label, count) for label, count in zip(labels, counts, strict=True)]
    return Histogram("events over time", tuple(bars), f"from {days.min()} to {days.max()}")


def _labels(title: str, labels: Sequence[str]) -> Histogram:
    """The most frequent labels; the note counts the rows with another label."""
    counts = Counter(label or "(none)" for label in labels)
    bars = tuple(Bar(label, count) for label, count in counts.most_common(MOST_BARS))
    others = counts.total() - sum(bar.count for bar in bars)
    note = f"{len(counts):,} different, each {min(counts.values()):,} times or more"
    return Histogram(title, bars, note + (f"; {others:,} rows have one not shown" if others else ""))
