"""Runs side by side as text: their letters, what differs, metrics with intervals, users by gain.

A run has a letter and a colour by its place among the compared runs, the same in every pane.
"""

from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual.content import Content

from promptrec_tui.text import cases_text, clean, metric_text
from promptrec_tui.tui.actions import key_for
from promptrec_tui.tui.glyphs import Glyphs
from promptrec_tui.tui.widgets.cells import cut, padded
from promptrec_tui.tui.widgets.preview_pane import rank_text
from promptrec_tui.tui.widgets.rankings import beside, column_width, ranking_lines, score_text
from promptrec_tui.tui.widgets.run_text import number_text
from promptrec_tui.tui.widgets.template_text import diff_text

if TYPE_CHECKING:
    from promptrec_tui.workspace.compare import Comparison, Pair, UserGain
    from promptrec_tui.workspace.differences import Differences
    from promptrec_tui.workspace.runs import PreviewRow

COLOURS = ("$primary-lighten-2", "$success", "$error", "$warning", "$accent", "$secondary")
"""Those of the curves (`styles/run.tcss`), by place."""

VERDICTS = {
    "better": ("better", "$text-success"),
    "worse": ("worse", "$text-error"),
    "unclear": ("may be chance", "$text-warning"),
}
"""What an interval says of a difference, and its colour."""

LETTER_WIDTH, METRIC_WIDTH, KEY_WIDTH = 2, 9, 22
NARROWEST = 8
"""The fewest cells of a run's values in a table."""


class Letters:
    """The letter, colour and name of each compared run; one of them is the baseline."""

    def __init__(self, names: Sequence[str], baseline: str, glyphs: Glyphs) -> None:
        self.names = tuple(names)
        self.baseline = baseline
        self.glyphs = glyphs

    def letter(self, name: str) -> str:
        return ascii_uppercase[self.names.index(name)]

    def styled(self, name: str) -> Content:
        """The letter in its colour."""
        return Content.styled(self.letter(name), f"bold {COLOURS[self.names.index(name) % len(COLOURS)]}")

    def legend(self) -> Content:
        """All runs in one text: `A first ★baseline  B second`."""
        return Content("   ").join(
            Content.assemble(
                self.styled(name),
                f" {clean(name)}",
                (f" {self.glyphs.target} baseline", "dim") if name == self.baseline else "",
            )
            for name in self.names
        )


def differs_text(differs: "Differences", letters: Letters, width: int) -> Content:
    """A table of what differs, a column for each run, then the templates as diffs."""
    if not differs.values:
        return Content("Nothing differs but the names.")
    count = len(letters.names)
    column = max(NARROWEST, min(24, (width - KEY_WIDTH) // count - 1))
    heads = [Content(" ") + _filled(letters.styled(name), column) for name in letters.names]
    lines = [Content(" " * KEY_WIDTH) + Content("").join(heads)]
    for key, values in differs.values.items():
        first = values.get(letters.baseline)
        cells: list[Content] = [Content(padded(key, KEY_WIDTH, letters.glyphs.more)).stylize("dim")]
        for name in letters.names:
            text = Content(" " + padded(_value(values.get(name)), column, letters.glyphs.more))
            cells.append(text if values.get(name) == first else text.stylize("bold $text-warning"))
        lines.append(Content("").join(cells))
    for name, diff in differs.template_diff.items():
        first_letter, letter = letters.styled(letters.names[0]), letters.styled(name)
        title = Content.assemble("\n", ("template, from ", "dim"), first_letter, (" to ", "dim"), letter)
        lines += [title, diff_text(list(diff))]
    return Content("\n").join(lines)


def metrics_text(comparison: "Comparison", letters: Letters, width: int) -> Content:
    """The metrics of each run, its difference from the baseline with intervals, repetitions, and notes."""
    metrics = list(comparison.metrics)[: max(1, (width - LETTER_WIDTH - 16) // METRIC_WIDTH)]
    name_width = width - METRIC_WIDTH * len(metrics)
    name_width = min(name_width, max(20, LETTER_WIDTH + max(map(len, letters.names))))
    count = cases_text(comparison.users, comparison.noun)
    lines = [
        Content(
            padded(f"test, {count}", name_width, letters.glyphs.more)
            + "".join(f"{metric_text(clean(metric)):>{METRIC_WIDTH}}" for metric in metrics)
        ).stylize("dim")
    ]
    for name in letters.names:
        figures = "".join(
            f"{number_text(comparison.metrics[metric][name], 4):>{METRIC_WIDTH}}" for metric in metrics
        )
        named = padded(name, name_width - LETTER_WIDTH, letters.glyphs.more)
        lines.append(Content.assemble(letters.styled(name), " ", named, figures))
    for gains in comparison.gains:
        pairs = [pair for pair in comparison.pairs if (pair.a, pair.b) == (gains.a, gains.b)]
        lines += [Content(""), *_pair_lines(pairs, letters, comparison.noun)]
    for seeds in comparison.seeds:
        runs = Content(" ").join(letters.styled(name) for name in seeds.runs)
        lines += [Content(""), Content.assemble(runs, (" differ in their seed only", "dim"))]
        for metric, each in seeds.metrics.items():
            figures = f"mean {each.mean:.4f}  spread {each.spread:.4f}"
            lines.append(Content(f"  {metric_text(clean(metric)):<{METRIC_WIDTH}} {figures}"))
    lines += [Content(clean(note)).stylize("$text-warning") for note in comparison.notes]
    return Content("\n").join(lines)


def _pair_lines(pairs: "Sequence[Pair]", letters: Letters, noun: str) -> list[Content]:
    first = pairs[0]
    lines = [
        Content.assemble(
            letters.styled(first.a),
            (" minus ", "dim"),
            letters.styled(first.b),
            (", 95 % intervals of the same ", "dim"),
            (f"{noun}s", "dim"),
        )
    ]
    for pair in pairs:
        word, style = VERDICTS.get(pair.verdict, ("too few for an interval", "$text-warning"))
        span = "" if pair.low is None or pair.high is None else f" ({pair.low:+.4f} to {pair.high:+.4f}) "
        value = "     -" if pair.value is None else f"{pair.value:+.4f}"
        lines.append(
            Content.assemble(
                f"  {metric_text(clean(pair.metric)):<{METRIC_WIDTH}} ",
                (value, f"bold {style}"),
                (span or " ", style),
                (word, style),
            )
        )
    lines.append(
        Content(
            f"  better for {first.wins:,}, equal for {first.ties:,}, worse for {first.losses:,} of "
            f"{cases_text(first.users, noun)}"
        )
    )
    return lines


def user_cells(case: "UserGain", pinned: bool, noun: str, glyphs: Glyphs, width: int) -> tuple[Text, ...]:
    """The cells of one user: name, answer of the baseline, answer of the other run, gain."""
    style = "green" if case.gain > 0 else "red" if case.gain < 0 else ""
    sign = glyphs.rise if case.gain > 0 else glyphs.fall if case.gain < 0 else " "
    user = f"{glyphs.target if pinned else ' '} {case.user}"
    return (
        Text(cut(user, width, glyphs.more), no_wrap=True),
        Text(f"{_answer(case.b, noun):>7}"),
        Text(f"{_answer(case.a, noun):>7}"),
        Text(f"{sign} {abs(case.gain):.3f}", style=style),
    )


def lists_text(
    user: str, previews: "Mapping[str, PreviewRow | None]", letters: Letters, width: int, glyphs: Glyphs
) -> Text:
    """What the runs recommend to a pinned user, a column for each, of the baseline first."""
    known = next((row for row in previews.values() if row), None)
    assert known is not None
    text = Text(f"{clean(user)}", style="bold")
    text.append("  preview, validation target ", style="dim")
    text.append(f"{glyphs.target} {clean(known.target)}\n", style="bold green")
    cells = column_width(width, len(previews))
    columns = []
    for name, row in previews.items():
        rank = f", rank {rank_text(row.rank)}" if row else ""
        items = [
            (item["key"], item["title"], score_text(item["logprob"], item.get("probability")))
            for item in (row.top if row else ())
        ]
        heading = f"{letters.letter(name)} {name}{rank}" if row else f"{letters.letter(name)} no preview"
        columns.append(ranking_lines(heading, items, cells, glyphs, known.target))
    text.append_text(beside(cells, *columns))
    return text


def no_lists_text(user: str, pinned: Sequence[str], noun: str) -> Content:
    """Why there are no lists of a user, and the key that leads to those who have some."""
    if not pinned:
        return Content("These runs kept no recommendations: runs make them of their pinned users.").stylize(
            "dim"
        )
    return Content.assemble(
        (f"{clean(user)}: only pinned {noun}s have lists. ", "dim"),
        (key_for("compare.order"), "bold $accent"),
        (" shows them.", "dim"),
    )


def _filled(content: Content, width: int) -> Content:
    return content.pad_right(max(0, width - content.cell_length))


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return "-" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _answer(value: float | None, noun: str) -> str:
    return rank_text(value) if noun == "user" else number_text(value)
