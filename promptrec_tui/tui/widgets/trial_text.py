"""The `template try` document as text: a table, the spread, and the effect of each word."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.cells import set_cell_size
from rich.text import Text

from promptrec_tui.text import clean, figure_text
from promptrec_tui.tui.widgets.run_text import number_text

NAME, CELL = 32, 9
BAR = 24
SHOWN_WORDS = 12


def trials_text(document: Mapping[str, Any]) -> Text:
    """The whole document."""
    metric = str(document["metric"])
    k = metric.partition("@")[2]
    keys = ("users", metric, f"hr@{k}", "mrr", "rank")
    text = Text()
    text.append(_line("template", [key.upper() if "@" in key else key for key in keys]), style="dim")
    for place, trial in enumerate(document["trials"]):
        text.append("\n")
        if trial["error"]:
            text.append(set_cell_size(clean(trial["name"]), NAME) + " " + clean(trial["error"]), style="red")
            continue
        values = trial["metrics"]
        cells = [str(trial["users"]), *(figure_text(values[key], trial["users"]) for key in keys[1:4])]
        cells.append(number_text(values["rank"], 4))
        text.append(_line(clean(trial["name"]), cells), style="bold green" if place == 0 else "")
    text.append(
        f"\n\n{metric.upper()} over the {document['users']} users that all templates were tried on: mean "
        f"{document['mean']:.4f}, from {document['low']:.4f} to {document['high']:.4f}.\n"
        "Templates tried on more users come first, by the geometric mean of the rank over "
        "the whole catalogue. Validation targets.",
        style="dim",
    )
    if words := document["words"]:
        text.append("\n\n")
        text.append_text(_words(words, str(document["trials"][0]["name"])))
    return text


def _words(words: Sequence[Mapping[str, Any]], template: str) -> Text:
    """The words with the largest cost, each with a bar: how often the rank doubles without it."""
    most = max((abs(word["cost"]) for word in words), default=0) or 1
    text = Text(f"Cost of leaving a word out of {clean(template)}, in doublings of the rank\n", style="dim")
    for word in words[:SHOWN_WORDS]:
        cost = word["cost"]
        bar = "━" * round(abs(cost) / most * BAR)
        text.append(f"{set_cell_size(clean(word['word']), 16)} {cost:+8.3f} ")
        text.append(f"{bar}\n", style="yellow" if cost > 0 else "green")
    text.append("Below zero: the model does better without the word.", style="dim")
    return text


def _line(name: str, cells: Sequence[str]) -> str:
    return set_cell_size(name, NAME) + "".join(f"{cell:>{CELL}}" for cell in cells)
