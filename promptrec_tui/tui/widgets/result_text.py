"""A run's result in a few lines: untuned, tuned and baselines on the same users, and what was gained."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from promptrec_tui.text import clean
from promptrec_tui.tui.widgets.run_text import number_text, users_text

METRICS = ("hr", "ndcg", "mrr")
NAME_WIDTH, CELL_WIDTH = 18, 9


FEW_USERS = 30
"""Below this the figures of a test say little, and that is said."""


def result_text(metrics: Mapping[str, Any], k: int, users: int | None = None) -> Text | None:
    """The table of a run's test metrics at `k`, as far as measured; None while nothing is."""
    measured = {
        "untuned": metrics.get("before"),
        **(metrics.get("baselines") or {}),
        "tuned": metrics.get("after"),
    }
    rows = {name: values for name, values in measured.items() if values}
    if not rows:
        return None
    keys = [f"{metric}@{k}" for metric in METRICS]
    text = Text(no_wrap=True)
    text.append(
        _line(f"test, {users_text(users)}" if users else "test", [key.upper() for key in keys]), style="dim"
    )
    for name, values in rows.items():
        figures = [number_text(values.get(key), 4) for key in keys]
        text.append("\n" + _line(clean(name), figures), style="bold green" if name == "tuned" else "")
    gains = metrics.get("gain") or {}
    best = gains.get("best_baseline") or {}
    for over, gain in (("untuned", gains.get("before") or {}), (str(best.get("name", "")), best)):
        interval = gain.get(f"ndcg@{k}")
        if interval and None not in interval.values():
            text.append(f"\nNDCG@{k} over {clean(over)}: ")
            text.append_text(interval_text(interval))
    if users is not None and users < FEW_USERS:
        noun = "user" if users == 1 else "users"
        text.append(f"\nOnly {users} test {noun}: another draw may tell something else.", style="yellow")
    return text


def interval_text(interval: Mapping[str, float]) -> Text:
    """`+0.063 (95% 0.041 to 0.085)`; green or red when the interval leaves out zero."""
    style = "green" if interval["low"] > 0 else "red" if interval["high"] < 0 else "yellow"
    text = Text(f"{interval['value']:+.4f}", style=f"bold {style}")
    text.append(f" (95% {interval['low']:+.4f} to {interval['high']:+.4f})", style=style)
    return text


def _line(name: str, cells: Sequence[str]) -> str:
    return f"{name[:NAME_WIDTH]:<{NAME_WIDTH}}" + "".join(f"{cell:>{CELL_WIDTH}}" for cell in cells)
