"""Templates tried from the Templates screen: the form, the child, the table of how they did."""

from textual.widgets import Input, Select, Static

from promptrec_tui.tui.app import PromptrecApp
from promptrec_tui.tui.screens.templates import TemplatesScreen
from promptrec_tui.tui.screens.try_templates import TrialsScreen, TryTemplatesScreen
from promptrec_tui.tui.widgets.trial_text import trials_text

DOCUMENT = {
    "trials": [
        {
            "name": "[b]list[/]\x1b]52;c;x\x07",
            "users": 64,
            "metrics": {"ndcg@10": 0.25, "hr@10": 0.5, "mrr": 0.125, "rank": 3.5},
            "first": {"ndcg@10": 0.2},
            "error": "",
        },
        {
            "name": "长一点的模板名字",
            "users": 0,
            "metrics": {},
            "first": {},
            "error": "There is no 'colour' here.",
        },
    ],
    "metric": "ndcg@10",
    "users": 4,
    "mean": 0.2,
    "low": 0.2,
    "high": 0.2,
    "words": [{"word": "films", "cost": 1.5, "users": 8}, {"word": "the", "cost": -0.5, "users": 8}],
    "protocol": {"stage": "validation"},
}


def test_the_text_says_all_and_names_are_no_markup() -> None:
    text = trials_text(DOCUMENT).plain
    assert "[b]list[/]" in text
    assert "\x1b" not in text
    assert "0.50 " in text
    assert "There is no 'colour' here." in text
    assert "+1.500" in text
    assert "-0.500" in text


async def test_templates_are_tried_by_keyboard(shop_home, until) -> None:
    app = PromptrecApp(shop_home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.press("3")
        await until(pilot, lambda: isinstance(app.screen, TemplatesScreen) and app.screen._dataset)
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, TryTemplatesScreen))
        await until(pilot, lambda: app.screen.query_one("#model", Select).value == "tiny")
        app.screen.query_one("#users", Input).value = "none"
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "whole number" in app.screen.query_one("#problem", Static).visual.plain)
        app.screen.query_one("#users", Input).value = "2"
        app.screen.query_one("#templates", Input).value = "list, next-item-en"
        await pilot.press("ctrl+r")
        await until(pilot, lambda: isinstance(app.screen, TrialsScreen) and app.screen.query("#tried"))
        shown = app.screen.query_one("#tried", Static).visual.plain
        assert "next-item-en" in shown
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, TemplatesScreen))
