"""Every screen with hostile text on it: nothing breaks, and nothing but characters is drawn."""

from collections.abc import Callable
from typing import Any

import pytest
from rich.segment import Segment
from textual.app import App
from textual.color import Color
from textual.widgets import Input, TextArea

from promptrec_tui.text import is_harmless
from promptrec_tui.tui.actions import GROUPS
from promptrec_tui.tui.app import PromptrecApp
from promptrec_tui.tui.output_filter import OutputFilter
from promptrec_tui.tui.screens.confirm import ConfirmScreen
from promptrec_tui.tui.screens.try_templates import TrialsScreen
from tests.waiting import rest, until

FILL = "fill every field"
WAIT = "wait a moment"
LEAVE = "leave the form, whatever it is at"

# Each screen is shown by the keys before it.
WALK = (
    ("runs", "j", "j", "c", "slash", "x", "escape", "escape"),
    ("tour", "I", "escape"),
    ("export", "W", "j", "enter", "y", WAIT, "escape"),
    ("a name for a run", "R", WAIT, "escape"),
    ("tags of a run", "number_sign", WAIT, "a", "escape"),
    ("columns", "v", "j", "space", "enter", "escape"),
    ("compare", "space", "j", "space", "equals_sign", WAIT, *["right_square_bracket", "j"] * 3, "escape"),
    ("one run", "enter", "l", "h", "j", "j", "plus", "z"),
    ("previews", "right_square_bracket", "l", "j"),
    ("try", "t", "o", "down", "enter"),
    ("config", "escape", "right_square_bracket"),
    ("log", "L", "g", "G"),
    ("help", "question_mark", "escape"),
    ("settings of the app", "comma", "j", "escape"),
    ("palette", "ctrl+p", "o", "p", "down", "escape"),
    ("delete a run", "escape", "D", "n"),
    ("tour", "W", "slash", "escape"),
    ("new run", "n", FILL, "ctrl+r", "tab", "enter", "down", "escape", LEAVE),
    ("data", "2", "j", "j", "k", "G", "g"),
    ("rows", "v", "j", "v"),
    ("history", "enter", "j", "enter", "j", "escape", "escape"),
    ("delete a dataset", "escape", "escape", "D", "n"),
    ("look into a dataset", "exclamation_mark", WAIT, "j", "right_square_bracket", WAIT, "j", "escape"),
    ("items", "w", WAIT, "j", "enter", *[WAIT] * 6, "escape", "escape"),
    ("clean", "e", FILL, "ctrl+r", WAIT, LEAVE),
    ("import", "i", FILL, "ctrl+r", WAIT, LEAVE),
    ("templates", "3", "G", "k", "k", "right_parenthesis", "d", "m"),
    ("edit", "e", FILL, WAIT, "f8", "f6", LEAVE),
    ("versions", "v", WAIT, "space", "j", "escape"),
    ("audit", "exclamation_mark", WAIT, LEAVE),
    ("try templates", "t", FILL, LEAVE),
    ("models", "4", "G", "k", "k", "exclamation_mark"),
    ("add a model", "n", FILL, "ctrl+r", WAIT, LEAVE),
)
FORMS = {"new run", "import", "add a model", "clean", "edit", "try templates"}


def drawn(app: App[Any]) -> str:
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


def tried(texts: list[str]) -> dict[str, Any]:
    """A `template try` document that says these texts wherever names and sentences stand."""
    metrics = {"ndcg@10": 0.1, "hr@10": 0.1, "mrr": 0.1, "rank": 9.0}
    trials = [
        {"name": text, "users": 8, "metrics": metrics, "first": metrics, "error": texts[-1] * (number % 2)}
        for number, text in enumerate(texts)
    ]
    words = [{"word": text, "cost": 0.5, "users": 8} for text in texts]
    spread = {"metric": "ndcg@10", "users": 8, "mean": 0.1, "low": 0.1, "high": 0.1}
    return {"trials": trials, "words": words, **spread}


def fill_fields(app: App[Any], texts: list[str]) -> None:
    """As if somebody had pasted them."""
    for field, text in zip(app.screen.query(Input), texts, strict=False):
        field.value = text
    for area in app.screen.query(TextArea):
        area.text = "\n".join(texts)


async def test_no_screen_shows_a_control_or_breaks(
    fill: Callable[[list[str]], Any], hostile: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = ""
    rescued, places = set(), set()
    look = OutputFilter.apply

    def watched(self: OutputFilter, segments: list[Segment], background: Color) -> list[Segment]:
        seen = look(self, segments, background)
        if seen is not segments and [part.text for part in seen] != [part.text for part in segments]:
            rescued.add(place)
        return seen

    monkeypatch.setattr(OutputFilter, "apply", watched)
    app = PromptrecApp(fill(hostile).home)
    async with app.run_test(size=(160, 50), notifications=True) as pilot:
        await until(pilot, lambda: len(app.runs) == len(hostile))
        for place, *keys in WALK:
            for key in keys:
                if key == FILL:
                    fill_fields(app, hostile)
                elif key == LEAVE:
                    while len(app.screen_stack) > 1:
                        await pilot.press("n" if isinstance(app.screen, ConfirmScreen) else "escape")
                        await rest(pilot, 0.2)
                elif key != WAIT:
                    await pilot.press(key)
                await (rest(pilot, 0.5) if key == WAIT else pilot.pause(0.02))
                places.add(getattr(app.screen, "PLACE", ""))
                assert all(map(is_harmless, drawn(app).replace("\n", ""))), (place, key)
            app.notify_text(hostile[len(place) % len(hostile)])
        # The result of a trial takes a model minutes: its document is made here.
        place = "trials"
        await app.push_screen(TrialsScreen(tried(hostile)))
        await rest(pilot, 0.2)
        places.add(place)
        assert "doublings of the rank" in drawn(app)
        assert all(map(is_harmless, drawn(app).replace("\n", "")))
        assert app.is_running
    # Fields show what was pasted into them; everything else is clean before it is drawn.
    assert rescued <= FORMS
    # What is no screen.
    assert set(GROUPS) - places == {"app", "table", "scroll"}
