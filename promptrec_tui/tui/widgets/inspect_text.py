"""Lints, statistics and splits of a dataset as text to scroll through."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from promptrec_tui.text import clean
from promptrec_tui.tui.glyphs import Glyphs
from promptrec_tui.tui.widgets.bars import bar_lines
from promptrec_tui.tui.widgets.cells import cut, padded

SEVERITY_STYLES = {"serious": "bold red", "warning": "bold yellow", "note": "bold cyan"}
WIDEST = 100
MEANING = (
    "Targets of each part; users with a test target; the share of them whose test or validation target is "
    "chosen by the tie rule; whether a run can split so."
)
SPLIT_COLUMNS = (("policy", 14), ("training", 11), ("validation", 11), ("test", 9), ("users", 9), ("ties", 7))


def lints_text(lints: Sequence[Mapping[str, Any]], width: int, glyphs: Glyphs) -> Text:
    """Each finding with its examples and its remedy."""
    if not lints:
        return Text("Nothing found: no lint reports a problem with this dataset.")
    text = Text()
    for lint in lints:
        text.append(f"{lint['severity']:<8} ", SEVERITY_STYLES.get(lint["severity"], "bold"))
        text.append(clean(lint["lint"].replace("_", " ")), "bold")
        text.append(f"\n{clean(lint['finding'])}\n")
        for example in lint["examples"]:
            text.append(f"  {cut(example, width - 2, glyphs.more)}\n", "dim")
        text.append(clean(lint["way_on"]), "green")
        text.append("\n\n")
    text.rstrip()
    return text


def statistics_text(statistics: Mapping[str, Any], width: int, glyphs: Glyphs, ascii_only: bool) -> Text:
    """Counts, a bar chart of each histogram, the most and the least popular items."""
    width = min(width, WIDEST)
    text = Text()
    for noun in ("users", "items", "interactions", "examples"):
        if statistics[noun]:
            text.append(f"{statistics[noun]:,}", "bold")
            text.append(f" {noun}   ")
    if statistics["density"]:
        text.append(f"{statistics['density']:.3%}", "bold")
        text.append(" of all pairs")
    for histogram in statistics["histograms"]:
        text.append(f"\n\n{clean(histogram['title'])}", "bold")
        text.append(f"   {clean(histogram['note'])}", "dim")
        bars = [(bar["label"], bar["count"]) for bar in histogram["bars"]]
        for label, bar, count in bar_lines(bars, width, ascii_only):
            text.append(f"\n{label} ")
            text.append(bar, "cyan")
            text.append(f" {count}", "dim")
    for heading, name in (("most popular", "top"), ("least popular", "tail")):
        if statistics[name]:
            text.append(f"\n\n{heading}", "bold")
        for item in statistics[name]:
            text.append(f"\n{item['events']:>9,} ", "dim")
            text.append(cut(item["title"], width - 10, glyphs.more))
    return text


def splits_text(splits: Sequence[Mapping[str, Any]]) -> Text:
    """A table of the split policies with a description of each."""
    text = Text()
    text.append("".join(f"{label:<{width}}" for label, width in SPLIT_COLUMNS) + "a run", "dim")
    for split in splits:
        cells = [
            split["policy"],
            *(f"{split[name]:,}" for name in ("training", "validation", "test", "users")),
            f"{split['tied']:.1%}",
        ]
        text.append(
            "\n" + "".join(padded(cell, width) for cell, (_, width) in zip(cells, SPLIT_COLUMNS, strict=True))
        )
        text.append("yes" if split["usable"] else "not yet", "green" if split["usable"] else "yellow")
    text.append(f"\n\n{MEANING}\n", "dim")
    for split in splits:
        text.append(f"\n{padded(split['policy'], SPLIT_COLUMNS[0][1])}", "bold")
        text.append(clean(split["about"]))
    return text
