"""The metrics of some runs and of their blends as text: figures, differences with intervals, repetitions."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.content import Content

from promptrec_tui.text import cases_text, clean, digits, figure_text, metric_text, wilson_text
from promptrec_tui.tui.widgets.cells import padded
from promptrec_tui.tui.widgets.compare_text import Letters

if TYPE_CHECKING:
    from promptrec_tui.workspace.comparison import Comparison, Pair

VERDICTS = {
    "better": ("better", "$text-success"),
    "worse": ("worse", "$text-error"),
    "unclear": ("may be chance", "$text-warning"),
}
"""What an interval says of a difference, and its colour."""

LETTER_WIDTH, METRIC_WIDTH, INTERVAL_WIDTH = 2, 9, 14
SHORTEST_NAME = 16


def figures_text(comparison: "Comparison", letters: Letters, width: int) -> Content:
    """What is compared, all figures and differences, repetitions of one spec, and notes."""
    lines = [
        Content.styled(clean(comparison.caption), "dim"),
        *_figures(comparison, letters, width),
        *_differences(comparison, letters),
        *_repetitions(comparison, letters),
        *(Content.styled(clean(note), "$text-warning") for note in comparison.notes),
    ]
    return Content("\n").join(lines)


def _figures(comparison: "Comparison", letters: Letters, width: int) -> Iterator[Content]:
    """A line for each run and its blends; of few cases with the interval of the leading metric."""
    few = bool(wilson_text(0.0, comparison.users, comparison.lead))
    room = width - LETTER_WIDTH - SHORTEST_NAME - few * INTERVAL_WIDTH
    metrics = list(comparison.metrics)[: max(1, room // METRIC_WIDTH)]
    free = width - METRIC_WIDTH * len(metrics) - few * INTERVAL_WIDTH - LETTER_WIDTH
    named = min(free, max(SHORTEST_NAME, *map(cell_len, letters.names)))
    head = "".join(f"{metric_text(clean(metric)):>{METRIC_WIDTH}}" for metric in metrics)
    interval = f"  {metric_text(clean(comparison.lead))} 95%" if few else ""
    yield Content.styled(" " * (LETTER_WIDTH + named) + head + interval, "dim")

    def line(letter: Content, name: str, values: Mapping[str, float | None]) -> Content:
        cells = [f"{figure_text(values.get(metric), comparison.users):>{METRIC_WIDTH}}" for metric in metrics]
        bounds = wilson_text(values.get(comparison.lead), comparison.users, comparison.lead)
        text = padded(name, named, letters.glyphs.more) + "".join(cells)
        return Content.assemble(letter, " ", text, (f"  {bounds}" if bounds else "", "dim"))

    for name in letters.names:
        yield line(letters.styled(name), name, {key: each[name] for key, each in comparison.metrics.items()})
        for part, values in comparison.beside(name).items():
            yield line(Content(" "), f"  {part}", values)


def _differences(comparison: "Comparison", letters: Letters) -> Iterator[Content]:
    """Who is compared with whom: of one pair all metrics, of several by metric, the leading one first."""
    labelled = list(_labelled(comparison, letters))
    width = max(label.cell_length for label, _ in labelled)
    said = f"95 % intervals of the same {comparison.noun}s"
    places, count = digits(comparison.users), cases_text(comparison.users, comparison.noun)
    if len(labelled) == 1:
        label, pairs = labelled[0]
        yield Content.assemble("\n", label, (f", {said}", "dim"))
        for metric, pair in pairs.items():
            yield _line(Content(f"{metric_text(clean(metric)):<{METRIC_WIDTH}}"), pair, places)
        yield Content(f"  {_counts(pairs[comparison.lead])} of {count}")
        return
    for metric in sorted(comparison.metrics, key=lambda name: name != comparison.lead):
        yield Content.styled(f"\n{metric_text(clean(metric))}, {said}", "dim")
        for label, pairs in labelled:
            yield _line(label.pad_right(width - label.cell_length), pairs[metric], places)
    yield Content.styled(f"\nby {comparison.noun}, of {count}", "dim")
    for label, pairs in labelled:
        yield Content.assemble(
            "  ", label.pad_right(width - label.cell_length), f" {_counts(pairs[comparison.lead])}"
        )


def _labelled(comparison: "Comparison", letters: Letters) -> "Iterator[tuple[Content, dict[str, Pair]]]":
    """The pairs of each two that are compared, by metric: `B minus A`, `B blend minus A`."""
    minus = (" minus ", "dim")
    runs: dict[tuple[str, str], dict[str, Pair]] = {}
    for pair in comparison.pairs:
        runs.setdefault((pair.a, pair.b), {})[pair.metric] = pair
    for (a, b), pairs in runs.items():
        yield Content.assemble(letters.styled(a), minus, letters.styled(b)), pairs
    for blended in comparison.blends:
        pairs = {pair.metric: pair for pair in blended.pairs}
        b = blended.pairs[0].b
        name = letters.styled(blended.run)
        yield Content.assemble(name, f" {blended.part}", minus, letters.styled(b)), pairs


def _line(label: Content, pair: "Pair", places: int) -> Content:
    word, style = VERDICTS.get(pair.verdict, ("too few for an interval", "$text-warning"))
    ends = (pair.low, pair.high)
    span = "" if None in ends else f" ({pair.low:+.{places}f} to {pair.high:+.{places}f})"
    value = "-" if pair.value is None else f"{pair.value:+.{places}f}"
    return Content.assemble("  ", label, " ", (value, f"bold {style}"), (f"{span} {word}", style))


def _counts(pair: "Pair") -> str:
    return f"better for {pair.wins:,}, equal for {pair.ties:,}, worse for {pair.losses:,}"


def _repetitions(comparison: "Comparison", letters: Letters) -> Iterator[Content]:
    """Mean and spread of the runs that are alike but for their seeds."""
    places = digits(comparison.users)
    for seeds in comparison.seeds:
        yield Content.assemble("\n", letters.listed(seeds.runs), (" differ in their seed only", "dim"))
        for metric, each in seeds.metrics.items():
            figures = f"mean {each.mean:.{places}f}  spread {each.spread:.{places}f}"
            yield Content(f"  {metric_text(clean(metric)):<{METRIC_WIDTH}} {figures}")
