"""Mode 4, over model folders on the disk."""

import shutil

from textual.widgets import Input, Static

from promptrec_tui.tui.app import PromptrecApp
from promptrec_tui.tui.screens.add_model import AddModelScreen
from promptrec_tui.tui.screens.models import ModelsScreen
from promptrec_tui.tui.widgets.model_text import parameters_text
from promptrec_tui.tui.widgets.table import Table
from promptrec_tui.workspace.models import find_model
from promptrec_tui.workspace.opening import opened


def check(app) -> str:
    return app.screen.query_one("#check", Static).visual.plain


async def test_the_check_of_a_model_and_what_is_wrong_with_its_folder(shop_home, small_model, until):
    app = PromptrecApp(shop_home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.press("4")
        await until(pilot, lambda: isinstance(app.screen, ModelsScreen) and app.screen.present_model)
        await pilot.press("G")
        await until(pilot, lambda: check(app).startswith("small") and "It can be tuned." in check(app))
        assert "120 tokens" in check(app)
        (small_model / "model.safetensors").unlink()
        (small_model / "modeling_[b].py").write_text("")
        await pilot.press("!")
        await until(pilot, lambda: "It cannot be used:" in check(app))
        problems = [line for line in check(app).splitlines() if line.startswith("problem: ")]
        assert len(problems) == 2
        assert any("modeling_[b].py" in problem for problem in problems)


async def test_a_folder_is_added_by_the_app_s_own_command(shop_home, small_model, tmp_path, until):
    other = shutil.copytree(small_model, tmp_path / "other")
    app = PromptrecApp(shop_home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.press("4", "n")
        await until(pilot, lambda: isinstance(app.screen, AddModelScreen))
        app.screen.query_one("#source", Input).value = str(other)
        await pilot.pause()
        assert app.screen.query_one("#name", Input).value == "other"
        await pilot.press("ctrl+r")
        await until(pilot, lambda: isinstance(app.screen, ModelsScreen))
        with opened(shop_home) as workspace:
            row = find_model(workspace, "other")
        assert row.folder == str(other)
        await until(pilot, lambda: app.screen.query_one(Table).chosen == row.id)


async def test_a_bad_folder_is_refused_in_the_form(shop_home, tmp_path, until):
    empty = tmp_path / "empty"
    empty.mkdir()
    app = PromptrecApp(shop_home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.press("4", "n")
        await until(pilot, lambda: isinstance(app.screen, AddModelScreen))
        await pilot.press("ctrl+r")
        problem = app.screen.query_one("#problem", Static)
        await until(pilot, lambda: "Say which folder" in problem.visual.plain)
        app.screen.query_one("#source", Input).value = str(empty)
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "cannot be used" in problem.visual.plain)
        assert app.screen.query_one("#source", Input).value == str(empty)


def test_sizes_of_models():
    sizes = {0: "–", 950: "950", 2_700_000: "2.7 M", 596_000_000: "596 M", 1_720_000_000: "1.7 B"}
    assert {count: parameters_text(count) for count in sizes} == sizes
