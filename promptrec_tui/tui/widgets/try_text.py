"""Answers of the untuned and the tuned model, and of a blend, side by side."""

from collections.abc import Callable, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from rich.text import Text

from promptrec_tui.text import clean, percent
from promptrec_tui.tui.glyphs import Glyphs
from promptrec_tui.tui.trying import A, Tried
from promptrec_tui.tui.widgets.rankings import Ranked, beside, column_width, ranking_lines, score_text

if TYPE_CHECKING:
    from promptrec_tui.workspace.scoring import Labelling, Ranking

LABELS = 10


def titles_text(tried: "Tried[Ranking]", width: int, glyphs: Glyphs, blend: "Ranking | None" = None) -> Text:
    """Both rankings, by probabilities where scores are such, and that of a blend by its own scores."""
    text = _columns(tried, _titles, width, glyphs, blend)
    if tried.untuned.dropped:
        text.append(f"The oldest {tried.untuned.dropped} items did not fit the context.", style="dim")
    return text


def labels_text(tried: "Tried[Labelling]", width: int, glyphs: Glyphs) -> Text:
    """The most likely labels of both, with their probabilities."""
    text = _columns(tried, _labels, width, glyphs)
    if cut := tried.untuned.texts[0].cut:
        text.append(f"The text was cut to {cut:,} tokens: the model reads no more.", style="dim")
    return text


def _columns(
    tried: Tried[A],
    lines: Callable[[A], Sequence[Ranked]],
    width: int,
    glyphs: Glyphs,
    blend: "Ranking | None" = None,
) -> Text:
    half = column_width(width, 3 if blend else 2)
    left = ranking_lines("untuned", lines(tried.untuned), half, glyphs)
    if tried.tuned:
        right = ranking_lines(f"tuned ({tried.tuned.adapter})", lines(tried.tuned), half, glyphs)
    else:
        problem = wrap(clean(tried.problem), half)
        right = [Text("tuned", style="bold"), *(Text(line, style="yellow") for line in problem)]
    if not blend:
        return beside(half, left, right)
    blended = [(item.key, item.title, score_text(item.score, None)) for item in blend.items]
    return beside(half, left, right, ranking_lines("blend", blended, half, glyphs))


def _titles(ranking: "Ranking") -> list[Ranked]:
    return [(item.key, item.title, score_text(item.logprob, item.probability)) for item in ranking.items]


def _labels(labelling: "Labelling") -> list[Ranked]:
    (asked,) = labelling.texts
    likely = sorted(asked.probabilities.items(), key=lambda entry: -entry[1])
    return [(label, label, percent(probability)) for label, probability in likely[:LABELS]]
