"""Lints, statistics and splits of a dataset on a screen, and the form that cleans one; by keyboard."""

from rich.cells import cell_len
from textual.widgets import Input, Static

from promptrec_tui.tui.app import PromptrecApp
from promptrec_tui.tui.glyphs import UNICODE
from promptrec_tui.tui.screens.clean_dataset import CleanScreen
from promptrec_tui.tui.screens.inspect_dataset import InspectScreen
from promptrec_tui.tui.widgets.bars import bar_lines
from promptrec_tui.tui.widgets.inspect_text import lints_text
from promptrec_tui.tui.widgets.table import Table
from promptrec_tui.workspace.datasets import ImportOptions, import_source, list_datasets
from promptrec_tui.workspace.opening import opened


async def at_data(pilot, until) -> None:
    await pilot.press("2")
    await until(pilot, lambda: any(table.chosen for table in pilot.app.screen.query(Table)))


async def test_lints_statistics_and_splits_by_keyboard(shop_home, until, screen_text):
    app = PromptrecApp(shop_home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await at_data(pilot, until)
        await pilot.press("!")
        await until(pilot, lambda: "ordered ids" in screen_text(app))
        await pilot.press("]")
        await until(pilot, lambda: "events per user" in screen_text(app))
        assert "█" in screen_text(app)
        assert {cell_len(line) for line in screen_text(app).splitlines()} == {80}
        await pilot.press("]")
        await until(pilot, lambda: "leave_one_out" in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, InspectScreen))
        # What was found once is there at once.
        await pilot.press("c")
        await until(pilot, lambda: "events per user" in screen_text(app))


async def test_a_cleaned_dataset_by_keyboard(shop_home, until, screen_text):
    app = PromptrecApp(shop_home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await at_data(pilot, until)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, CleanScreen) and app.screen.query("#kcore"))
        assert app.screen.query_one("#name", Input).value == "shop-clean"
        await pilot.press("f3")
        await until(pilot, lambda: "at least one step" in screen_text(app))
        app.screen.query_one("#rating", Input).focus()
        await pilot.press("4", "f3")
        await until(pilot, lambda: "rating=4:" in str(app.screen.query_one("#effects", Static).content))
        await pilot.press("f2")
        await until(pilot, lambda: not isinstance(app.screen, CleanScreen))
        await until(pilot, lambda: "shop-clean" in screen_text(app))
    with opened(shop_home) as workspace:
        made = next(row for row in list_datasets(workspace) if row.name == "shop-clean")
    assert made.steps == ("rating=4",)


def test_bars_keep_to_their_width_and_show_what_is_there_at_all():
    lines = list(bar_lines([("a", 1_000_000), ("电影", 1), ("none", 0)], 40))
    assert {sum(map(cell_len, line)) + 2 for line in lines} == {40}
    assert [bar.strip() for _, bar, _ in lines[1:]] == ["▏", ""]
    plain = [bar.strip() for _, bar, _ in bar_lines([("a", 2), ("b", 1)], 13, ascii_only=True)]
    assert plain == ["#" * 9, "#" * 4]


def test_what_a_lint_shows_is_no_markup_and_cleaned():
    lint = {
        "lint": "broken_texts",
        "severity": "warning",
        "finding": "[b]x[/b]\x1b[31m",
        "examples": ["[@click=app.quit]y[/]\x07"],
        "way_on": "z",
    }
    shown = lints_text([lint], 80, UNICODE).plain
    assert "[b]x[/b][31m" in shown
    assert "[@click=app.quit]y[/]" in shown
    assert "\x1b" not in shown


async def test_labelled_texts_are_shown_row_by_row(home, tmp_path, until, screen_text):
    source = tmp_path / "phrases.txt"
    source.write_text("".join(f"sales rose {n} times [/b]@positive\n" for n in range(300)))
    with opened(home) as workspace:
        import_source(workspace, source, "phrases", ImportOptions(format="labelled"))
    app = PromptrecApp(home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await at_data(pilot, until)
        await pilot.press("enter")
        await until(pilot, lambda: "sales rose 3 times [/b]" in screen_text(app))
        await pilot.press("G")
        await until(pilot, lambda: "sales rose 299 times [/b]" in screen_text(app))


async def test_leaving_ends_the_command_and_coming_back_begins_anew(shop_home, until, screen_text):
    app = PromptrecApp(shop_home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await at_data(pilot, until)
        await pilot.press("!")
        await until(pilot, lambda: isinstance(app.screen, InspectScreen))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, InspectScreen))
        await pilot.press("!")
        await until(pilot, lambda: "ordered ids" in screen_text(app))


async def test_a_file_that_is_gone_is_said_on_the_tab(shop_home, until, screen_text):
    app = PromptrecApp(shop_home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await at_data(pilot, until)
        next(shop_home.datasets.glob("*.sqlite")).unlink()
        await pilot.press("c")
        await until(pilot, lambda: "It could not be read" in screen_text(app))
