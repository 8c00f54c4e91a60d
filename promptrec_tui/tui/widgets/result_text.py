"""A run's result in a few lines: untuned, tuned and baselines on the same users, and the gain."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from promptrec_tui.text import cases_text, clean, few_cases, metric_text, shares_text
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
) -> Text | None:
    """A table of the test metrics and the gains in `lead` measured so far; None if there are none.

    `shares`: of each feature in the decision of a blend.
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
    for name, values in rows.items():
        figures = [number_text(values.get(key), 4) for key in keys]
        text.append("\n" + _line(clean(name), figures), style=STYLES.get(name, ""))
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
        interval = gain.get(lead)
        if interval and None not in interval.values():
            text.append(f"\n{of}{metric_text(lead)} over {clean(str(over))}: ")
            text.append_text(interval_text(interval))
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


def interval_text(interval: Mapping[str, float]) -> Text:
    """`+0.063 (95% 0.041 to 0.085)`; green or red when the interval excludes zero."""
    style = "green" if interval["low"] > 0 else "red" if interval["high"] < 0 else "yellow"
    text = Text(f"{interval['value']:+.4f}", style=f"bold {style}")
    text.append(f" (95% {interval['low']:+.4f} to {interval['high']:+.4f})", style=style)
    return text


def _line(name: str, cells: Sequence[str]) -> str:
    return f"{name[:NAME_WIDTH]:<{NAME_WIDTH}}" + "".join(f"{cell:>{CELL_WIDTH}}" for cell in cells)
