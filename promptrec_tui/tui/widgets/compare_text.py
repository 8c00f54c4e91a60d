"""Runs side by side as text: their letters, what differs, users by gain.

A run has a letter by its place among the compared runs, and if its curve is drawn the curve's colour, the
same in every pane.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from string import ascii_lowercase, ascii_uppercase
from typing import TYPE_CHECKING

from rich.text import Text
from textual.content import Content

from promptrec_tui.text import clean
from promptrec_tui.tui.actions import key_for
from promptrec_tui.tui.glyphs import Glyphs
from promptrec_tui.tui.widgets.cells import cut, padded
from promptrec_tui.tui.widgets.preview_pane import rank_text
from promptrec_tui.tui.widgets.rankings import beside, column_width, ranking_lines, score_text
from promptrec_tui.tui.widgets.run_text import number_text
from promptrec_tui.tui.widgets.template_text import diff_text
from promptrec_tui.workspace.exports import by_value, value_text

if TYPE_CHECKING:
    from promptrec_tui.workspace.comparison import UserGain
    from promptrec_tui.workspace.differences import Differences
    from promptrec_tui.workspace.runs import PreviewRow

COLOURS = ("$primary-lighten-2", "$success", "$error", "$warning", "$accent", "$secondary")
"""Those of the curves (`styles/base.tcss`): as many as can be told apart are drawn at once."""

LETTERS = ascii_uppercase + ascii_lowercase
"""No more runs can be compared on the screen."""

KEY_WIDTH = 22
NARROWEST = 8
"""The fewest cells of a run's values in a table."""


class Letters:
    """The letter, colour and name of each compared run.

    One of them is the baseline, and one is `other`: that whose users are shown.
    """

    def __init__(self, names: Sequence[str], baseline: str, glyphs: Glyphs, other: str = "") -> None:
        self.names = tuple(names)
        self.baseline = baseline
        self.other = other
        self.glyphs = glyphs

    @property
    def drawn(self) -> tuple[str, ...]:
        """The runs whose curves are drawn: the first ones, and always the baseline and the other."""
        chosen = [name for name in (self.baseline, self.other) if name in self.names]
        kept = list(dict.fromkeys([*chosen, *self.names]))[: len(COLOURS)]
        return tuple(name for name in self.names if name in kept)

    @property
    def left_out(self) -> int:
        """The number of runs whose curves are not drawn."""
        return len(self.names) - len(self.drawn)

    def letter(self, name: str) -> str:
        return LETTERS[self.names.index(name)]

    def styled(self, name: str) -> Content:
        """The letter, in the colour of the curve if that is drawn."""
        drawn = self.drawn
        colour = COLOURS[drawn.index(name)] if name in drawn else ""
        return Content.styled(self.letter(name), f"bold {colour}".strip())

    def listed(self, names: Iterable[str]) -> Content:
        """Some letters, with spaces between."""
        return Content(" ").join(self.styled(name) for name in names)

    def legend(self) -> Content:
        """The runs that are drawn in one text: `A first ★baseline  B second`."""
        named = [
            Content.assemble(
                self.styled(name),
                f" {clean(name)}",
                (f" {self.glyphs.target} baseline", "dim") if name == self.baseline else "",
            )
            for name in self.drawn
        ]
        if self.left_out:
            named.append(Content.styled(f"and {self.left_out} more in Metrics", "dim"))
        return Content("   ").join(named)


def differs_text(differs: "Differences", letters: Letters, width: int) -> Content:
    """What differs, a column for each run or, of many, the runs by value; then the templates as diffs."""
    if not differs.values:
        return Content("Nothing differs but the names.")
    table = _by_value if letters.left_out else _columns
    lines = list(table(differs, letters, width))
    diffs = sorted(differs.template_diff.items(), key=lambda each: each[1])
    for diff, each in groupby(diffs, key=lambda each: each[1]):
        first, others = letters.styled(letters.names[0]), letters.listed(name for name, _ in each)
        lines += [Content.assemble("\n", ("template, from ", "dim"), first, (" to ", "dim"), others)]
        lines += [diff_text(list(diff))]
    return Content("\n").join(lines)


def _columns(differs: "Differences", letters: Letters, width: int) -> Iterator[Content]:
    """A line for each setting or part, a column for each run; what is not as in the baseline stands out."""
    column = max(NARROWEST, min(24, (width - KEY_WIDTH) // len(letters.names) - 1))
    heads = [Content(" ") + _filled(letters.styled(name), column) for name in letters.names]
    yield Content(" " * KEY_WIDTH) + Content("").join(heads)
    for key, values in differs.values.items():
        first = values.get(letters.baseline)
        cells: list[Content] = [Content(padded(key, KEY_WIDTH, letters.glyphs.more)).stylize("dim")]
        for name in letters.names:
            text = Content(" " + padded(value_text(values.get(name)), column, letters.glyphs.more))
            cells.append(text if values.get(name) == first else text.stylize("bold $text-warning"))
        yield Content("").join(cells)


def _by_value(differs: "Differences", letters: Letters, width: int) -> Iterator[Content]:
    """A line for each value of a setting or part, with the letters of the runs that have it."""
    for key, values in differs.values.items():
        yield Content.styled(key, "dim")
        for value, names in by_value(values, letters.names).items():
            text = padded(value, max(NARROWEST, width // 3), letters.glyphs.more)
            style = "" if letters.baseline in names else "bold $text-warning"
            yield Content.assemble("  ", (text, style), " ", letters.listed(names))


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


def _answer(value: float | None, noun: str) -> str:
    return rank_text(value) if noun == "user" else number_text(value)
