"""A run's result in a few lines: untuned, tuned and baselines on the same users, and what was gained."""

from collections.abc import Mapping
from typing import Any

from rich.text import Text

from promptrec_tui.text import clean
from promptrec_tui.tui.widgets.run_text import number_text

METRICS = ("hr@10", "ndcg@10", "mrr@10")
NAME_WIDTH, CELL_WIDTH = 12, 9


def result_text(metrics: Mapping[str, Any]) -> Text | None:
    """The table of a finished run's test metrics; None while there is none."""
    if not metrics.get("after"):
        return None
    rows = {
        "untuned": metrics.get("before") or {},
        **(metrics.get("baselines") or {}),
        "tuned": metrics["after"],
    }
    text = Text(
        f"{'test':<{NAME_WIDTH}}" + "".join(f"{name.upper():>{CELL_WIDTH}}" for name in METRICS), no_wrap=True
    )
    text.stylize("dim")
    for name, values in rows.items():
        style = "bold green" if name == "tuned" else ""
        cells = "".join(f"{number_text(values.get(metric), 4):>{CELL_WIDTH}}" for metric in METRICS)
        text.append(f"\n{clean(name)[:NAME_WIDTH]:<{NAME_WIDTH}}{cells}", style=style)
    gains = metrics.get("gain") or {}
    best = gains.get("best_baseline") or {}
    for over, gain in (("untuned", gains.get("before") or {}), (str(best.get("name", "")), best)):
        if interval := gain.get("ndcg@10"):
            text.append(f"\nNDCG@10 over {clean(over)}: ")
            text.append_text(interval_text(interval))
    return text


def interval_text(interval: Mapping[str, float]) -> Text:
    """`+0.063 (95% 0.041 to 0.085)`; green or red when the interval leaves out zero."""
    style = "green" if interval["low"] > 0 else "red" if interval["high"] < 0 else "yellow"
    text = Text(f"{interval['value']:+.4f}", style=f"bold {style}")
    text.append(f" (95% {interval['low']:+.4f} to {interval['high']:+.4f})", style=style)
    return text
