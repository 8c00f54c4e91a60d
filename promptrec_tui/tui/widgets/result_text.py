"""A run's result in a few lines: untuned, tuned and baselines on the same users, and the gain."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from promptrec_tui.text import (
    cases_text,
    clean,
    digits,
    few_cases,
    figure_text,
    metric_text,
    protocol_parts,
    shares_text,
    wilson_text,
)
from promptrec_tui.tui.widgets.run_text import number_text

if TYPE_CHECKING:
    from promptrec_tui.workspace.run_views import WeakLabel

COLUMNS = 3
"""Number of metrics that fit; a run may have more."""
BASELINES = 3
"""Number of baselines that leave room for a chart, the best ones."""
NAME_WIDTH, CELL_WIDTH = 18, 9
STYLES = {"tuned": "bold green", "blend": "bold"}


def result_text(
    metrics: Mapping[str, Any],
    lead: str,
    users: int | None = None,
    noun: str = "user",
    shares: Mapping[str, float] | None = None,
    protocol: Mapping[str, Any] | None = None,
) -> Text | None:
    """A table of the test metrics and the gains in `lead` measured so far; None if there are none.

    `shares`: of each feature in the decision of a blend. `protocol`: how the figures were measured.
    """
    # The run's own first: on a low screen the last rows are out of sight.
    baselines = metrics.get("baselines") or {}
    ordered = sorted(baselines, key=lambda name: -(baselines[name].get(lead) or 0.0))
    measured = {
        "untuned": metrics.get("before"),
        "tuned": metrics.get("after"),
        "blend": metrics.get("blend"),
        **{name: baselines[name] for name in ordered[:BASELINES]},
    }
    rows = {name: values for name, values in measured.items() if values}
    if not rows:
        return None
    keys = list(next(iter(rows.values())))[:COLUMNS]
    text = Text(no_wrap=True)
    text.append(
        _line(
            f"test, {cases_text(users, noun)}" if users else "test", [metric_text(clean(key)) for key in keys]
        ),
        style="dim",
    )
    # On the right is room for how they were measured.
    notes = protocol_parts(protocol or {})
    text.append(f"  {notes.pop(0)}" if notes else "", style="dim")
    for name, values in rows.items():
        figures = [figure_text(values.get(key), users) for key in keys]
        text.append("\n" + _line(clean(name), figures), style=STYLES.get(name, ""))
        if name == "tuned" and (interval := wilson_text(values.get(lead), users, lead)):
            text.append(f"  {metric_text(clean(lead))} 95% {interval}", style="dim")
        elif notes:
            text.append(f"  {notes.pop(0)}", style="dim")
    if (lower := len(ordered) - BASELINES) > 0:
        text.append(f"\n{lower} lower baselines: promptrec run show", style="dim")
    gains = metrics.get("gain") or {}
    best = gains.get("best_baseline") or {}
    blend = gains.get("blend") or {}
    for of, over, gain in (
        ("", "untuned", gains.get("before") or {}),
        ("", best.get("name", ""), best),
        ("blend, ", blend.get("name", ""), blend),
    ):
        difference = gain.get(lead)
        if difference and None not in difference.values():
            text.append(f"\n{of}{metric_text(lead)} over {clean(str(over))}: ")
            text.append_text(interval_text(difference, users))
    if shares:
        text.append(f"\nblend of {shares_text(shares)}", style="dim")
    if users is not None and (few := few_cases(users, noun)):
        text.append(f"\n{few}", style="yellow")
    return text


def weakest_text(labels: Sequence["WeakLabel"]) -> Text:
    """A table of the labels with the lowest F1."""
    text = Text(no_wrap=True)
    text.append(_line("weakest labels", ("F1", "precis.", "recall", "texts")), style="dim")
    for label in labels:
        figures = [number_text(value, 4) for value in (label.f1, label.precision, label.recall)]
        text.append("\n" + _line(clean(label.label), [*figures, f"{label.support:,}"]))
    return text


def interval_text(interval: Mapping[str, float], cases: int | None = None) -> Text:
    """`+0.063 (95% 0.041 to 0.085)` of 200 cases; green or red when the interval excludes zero."""
    places = digits(cases)
    style = "green" if interval["low"] > 0 else "red" if interval["high"] < 0 else "yellow"
    text = Text(f"{interval['value']:+.{places}f}", style=f"bold {style}")
    text.append(f" (95% {interval['low']:+.{places}f} to {interval['high']:+.{places}f})", style=style)
    return text


def _line(name: str, cells: Sequence[str]) -> str:
    return f"{name[:NAME_WIDTH]:<{NAME_WIDTH}}" + "".join(f"{cell:>{CELL_WIDTH}}" for cell in cells)
