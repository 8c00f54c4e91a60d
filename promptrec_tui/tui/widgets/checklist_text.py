"""The phases of a run as text: one line each, with its sign, its count and its time."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.text import Text

from promptrec_tui.badges import step_badge
from promptrec_tui.text import count_text, duration_text
from promptrec_tui.tui.glyphs import ASCII, Glyphs

if TYPE_CHECKING:
    from promptrec_tui.workspace.checklist import Step

IN_TRAINING = ("training", "validation", "previews")
TITLE_WIDTH = 32
COUNT_WIDTH = 14


def checklist_text(steps: "Sequence[Step]", glyphs: Glyphs, heading: str = "", later: float = 0.0) -> Text:
    """The steps, as they are `later` seconds after they were read: the present one goes on."""
    lines = [Text(heading, style="bold")] if heading else []
    lines += [_line(_later(step, later), glyphs) for step in steps]
    return Text("\n").join(lines)


def after_training(steps: "Sequence[Step]") -> "Sequence[Step]":
    """The steps that follow the last one of training."""
    places = [place for place, step in enumerate(steps) if step.part in IN_TRAINING]
    return steps[places[-1] + 1 :] if places else ()


def _line(step: "Step", glyphs: Glyphs) -> Text:
    badge = step_badge(step.state)
    waits = step.state == "waiting" and not step.seconds
    line = Text(no_wrap=True)
    line.append(f"{badge.ascii if glyphs is ASCII else badge.sign} ", style="dim" if waits else badge.colour)
    style = {"now": "bold", "waiting": "dim"}.get(step.state, "")
    line.append(step.title.ljust(TITLE_WIDTH), style=style)
    line.append(count_text(step.done, step.total).rjust(COUNT_WIDTH), style=style)
    line.append(("" if waits else duration_text(step.seconds)).rjust(10), style=style)
    if step.seconds_left is not None and step.state in ("now", "waiting"):
        line.append(f"  about {duration_text(step.seconds_left)} left", style="dim")
    return line


def _later(step: "Step", seconds: float) -> "Step":
    if step.state != "now":
        return step
    left = None if step.seconds_left is None else max(0.0, step.seconds_left - seconds)
    return replace(step, seconds=step.seconds + seconds, seconds_left=left)
