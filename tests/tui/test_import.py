"""Import in a child process: the form, the progress, cancelling, and what a child says."""

import asyncio

import psutil
from textual.widgets import Input, Select, Static, TextArea

from promptrec_tui.tui.app import PromptrecApp
from promptrec_tui.tui.backend import Backend
from promptrec_tui.tui.child import progress_of, sentence
from promptrec_tui.tui.screens.data import DataScreen
from promptrec_tui.tui.screens.help import HelpScreen
from promptrec_tui.tui.screens.import_dataset import ImportScreen
from promptrec_tui.tui.screens.models import ModelsScreen
from promptrec_tui.tui.screens.runs import RunsScreen
from promptrec_tui.tui.widgets.path_input import complete
from promptrec_tui.tui.widgets.progress_line import ProgressLine
from promptrec_tui.tui.widgets.table import Table
from promptrec_tui.workspace.datasets import dataset_examples, list_datasets
from promptrec_tui.workspace.opening import opened


def field(app, name) -> Input:
    return app.screen.query_one(f"#{name}", Input)


def problem(app) -> str:
    return app.screen.query_one("#problem", Static).visual.plain


async def open_form(pilot, until) -> None:
    await pilot.press("2", "i")
    await until(pilot, lambda: isinstance(pilot.app.screen, ImportScreen))


async def test_a_file_becomes_a_dataset_and_the_data_screen_goes_to_it(shop_home, shop, until):
    renamed = shop / "sales.csv"
    renamed.write_text((shop / "events.csv").read_text().replace("user_id", "who", 1))
    app = PromptrecApp(shop_home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await open_form(pilot, until)
        field(app, "source").value = str(renamed)
        field(app, "items").value = str(shop / "items.csv")
        app.screen.query_one("#columns", TextArea).text = "user=who"
        await pilot.pause()
        assert field(app, "name").value == "sales"
        await pilot.press("ctrl+r")
        await until(pilot, lambda: isinstance(app.screen, DataScreen))
        with opened(shop_home) as workspace:
            row = next(row for row in list_datasets(workspace) if row.name == "sales")
        assert (row.users, row.items) == (30, 24)
        await until(pilot, lambda: app.screen.query_one("#datasets", Table).chosen == row.id)
        assert not app.recall("drafts", {})


def shown(app) -> str:
    return str(app.screen.query_one("#preview", Static).content)


async def test_the_form_shows_what_it_would_read_before_anything_is_written(shop_home, shop, until):
    renamed = shop / "sales.csv"
    renamed.write_text((shop / "events.csv").read_text().replace("user_id", "who", 1))
    before = sorted(path.name for path in shop_home.datasets.iterdir())
    app = PromptrecApp(shop_home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await open_form(pilot, until)
        field(app, "source").value = str(renamed)
        await until(pilot, lambda: "no column for user" in shown(app))
        assert "csv: its first line has names between commas" in shown(app)
        app.screen.query_one("#columns", TextArea).focus()
        await pilot.press(*"user=who")
        await until(pilot, lambda: "who → user" in shown(app))
        assert "The first rows are valid." in shown(app)
        assert "item_id → item" in shown(app)
    assert sorted(path.name for path in shop_home.datasets.iterdir()) == before


async def test_a_preview_comes_again_after_a_change_that_was_taken_back(shop_home, shop, until):
    app = PromptrecApp(shop_home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await open_form(pilot, until)
        source = str(shop / "events.csv")
        field(app, "source").value = source
        await until(pilot, lambda: "first line has names" in shown(app))
        columns = app.screen.query_one("#columns", TextArea)
        columns.text = "user"
        await until(pilot, lambda: "is not like user=customer_id" in shown(app))
        columns.text = ""
        await until(pilot, lambda: "first line has names" in shown(app))
        field(app, "source").value = ""
        await until(pilot, lambda: not shown(app))
        field(app, "source").value = source
        await until(pilot, lambda: "first line has names" in shown(app))


async def test_a_preview_comes_though_an_event_without_a_change_cancels_it(
    shop_home, shop, until, monkeypatch
):
    preview, asked = Backend.preview, []

    async def slow_at_first(*args):
        asked.append(args)
        if len(asked) == 1:
            await asyncio.Event().wait()
        return await preview(*args)

    monkeypatch.setattr(Backend, "preview", slow_at_first)
    app = PromptrecApp(shop_home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await open_form(pilot, until)
        field(app, "source").value = str(shop / "events.csv")
        await until(pilot, lambda: asked)
        select = app.screen.query_one("#format", Select)
        select.post_message(Select.Changed(select, select.value))
        await until(pilot, lambda: "first line has names" in shown(app))


async def test_a_wrong_file_is_told_in_the_form_which_keeps_its_contents(shop_home, shop, until):
    wrong = shop / "wrong.csv"
    wrong.write_text("user_id,item_id,rating\nu1,001,good\n")
    before = sorted(path.name for path in shop_home.datasets.iterdir())
    app = PromptrecApp(shop_home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await open_form(pilot, until)
        await pilot.press("ctrl+r")
        await until(pilot, lambda: problem(app) == "Say which file or folder to read.")
        field(app, "source").value = str(wrong)
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "wrong.csv" in problem(app) and "line 2" in problem(app))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, DataScreen))
        await pilot.press("i")
        await until(pilot, lambda: isinstance(app.screen, ImportScreen))
        await until(pilot, lambda: field(app, "source").value == str(wrong))
    assert sorted(path.name for path in shop_home.datasets.iterdir()) == before


def importing() -> list[psutil.Process]:
    """The children of this process that import."""
    return [child for child in psutil.Process().children() if "promptrec_tui.cli.unseen" in child.cmdline()]


async def start_import(pilot, until, source) -> tuple[ImportScreen, psutil.Process]:
    """Fill the form in and start it; the focus is on no field then, so that keys are keys.

    The child is stopped before it can end: it goes on when it is told to resume.
    """
    await open_form(pilot, until)
    field(pilot.app, "source").value = str(source)
    await pilot.pause()
    pilot.app.screen.query_one("#start").focus()
    await pilot.press("ctrl+r")
    form = pilot.app.screen
    await until(pilot, importing)
    (child,) = importing()
    child.suspend()
    assert form.busy
    return form, child


def listen(app) -> list[str]:
    """Everything that the app says in passing from now on; notices themselves go after some seconds."""
    said, notify = [], app.notify

    def heard(message: str, **options) -> None:
        said.append(message)
        notify(message, **options)

    app.notify = heard
    return said


async def test_an_import_goes_on_in_another_mode_and_says_when_it_is_done(home, shop, until):
    app = PromptrecApp(home)
    said = listen(app)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        form, child = await start_import(pilot, until, shop / "events.csv")
        await pilot.press("1")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))
        assert form.busy
        assert said == ["The form goes on with its work; 2 shows it."]
        child.resume()
        await until(pilot, lambda: not form.busy)
        await pilot.pause()
        assert said[1:] == ["events: 30 users, 24 items, 264 interactions."]
        assert isinstance(app.screen, RunsScreen)
        with opened(home) as workspace:
            (row,) = list_datasets(workspace)
        await pilot.press("2")
        await until(pilot, lambda: isinstance(app.screen, DataScreen))
        await until(pilot, lambda: app.screen.query_one("#datasets", Table).chosen == row.id)
        assert len(said) == 2
        assert not form.is_attached


async def test_the_key_of_its_own_mode_and_a_screen_above_leave_an_import_alone(home, shop, until):
    app = PromptrecApp(home)
    said = listen(app)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        form, child = await start_import(pilot, until, shop / "events.csv")
        await pilot.press("2")
        await pilot.pause()
        assert app.screen is form
        assert said == ["The form is still at work; esc cancels it."]
        await pilot.press("?")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        child.resume()
        await until(pilot, lambda: not form.busy)
        await pilot.pause()
        assert isinstance(app.screen, HelpScreen)
        assert said[1:] == ["events: 30 users, 24 items, 264 interactions."]
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, DataScreen) and app.screen.present_dataset)


async def test_what_goes_wrong_in_another_mode_is_told_there_and_in_the_form(home, tmp_path, until):
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("user_id,item_id,rating\nu1,001,good\n")
    app = PromptrecApp(home)
    said = listen(app)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        form, child = await start_import(pilot, until, wrong)
        await pilot.press("4")
        child.resume()
        await until(pilot, lambda: not form.busy)
        await until(pilot, lambda: len(said) == 2)
        assert isinstance(app.screen, ModelsScreen)
        assert "wrong.csv" in said[1]
        await pilot.press("2")
        await until(pilot, lambda: app.screen is form)
        assert problem(app) == said[1]
        assert field(app, "source").value == str(wrong)
        await pilot.press("2")
        await until(pilot, lambda: isinstance(app.screen, DataScreen))


async def test_esc_cancels_a_long_import_and_leaves_nothing(home, tmp_path, until):
    long = tmp_path / "long.csv"
    with open(long, "w") as file:
        file.write("user_id,item_id\n")
        file.writelines(f"u{n // 50},i{n * 7 % 5000}\n" for n in range(1_500_000))
    app = PromptrecApp(home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await open_form(pilot, until)
        field(app, "source").value = str(long)
        await pilot.pause()
        await pilot.press("ctrl+r")
        progress = app.screen.query_one(ProgressLine)
        await until(pilot, lambda: progress.at)
        await pilot.press("escape")
        await until(pilot, lambda: "nothing was left behind" in problem(app))
        assert field(app, "source").value == str(long)
        assert progress.at is None
        with opened(home) as workspace:
            assert list_datasets(workspace) == []
    assert not list(home.datasets.iterdir())


def test_what_a_child_says():
    assert progress_of('{"phase": "writing", "done": 3, "total": 9}') == ("writing", 3, 9)
    assert progress_of("promptrec: no") is None
    assert progress_of('{"phase": 1}') is None
    assert progress_of("[1]") is None
    assert sentence(["a warning", "promptrec: Say which file.", "more"], 1) == "Say which file."
    assert sentence(["ValueError: odd"], 1) == "The command ended with status 1: ValueError: odd"
    assert sentence([], -9) == "The command ended with status -9."


def test_paths_are_completed(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data.csv").touch()
    (tmp_path / ".hidden").touch()
    assert complete(f"{tmp_path}/d") == f"{tmp_path}/data.csv"
    assert complete(f"{tmp_path}/data/") is None
    assert complete(f"{tmp_path}/.h") == f"{tmp_path}/.hidden"
    assert complete(f"{tmp_path}/nothing") is None
    assert complete(f"{tmp_path}/nowhere/x") is None
    assert complete("") is None


async def test_a_file_without_names_is_read_by_the_fields_of_the_form(home, tmp_path, until):
    source = tmp_path / "plain.csv"
    rows = [f"u{n % 3},i{n % 4},{1_500_000_000 + n}" for n in range(12)]
    source.write_text("\n".join([*rows, "u0,,1500000099"]) + "\n")
    app = PromptrecApp(home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await open_form(pilot, until)
        field(app, "source").value = str(source)
        await until(pilot, lambda: "--no-header" in shown(app))
        app.screen.query_one("#first", Select).value = "data"
        app.screen.query_one("#bad", Select).value = "are left out"
        app.screen.query_one("#columns", TextArea).text = "user=1\nitem=2\ntimestamp=3"
        await until(pilot, lambda: "u0" in shown(app) and "1500000000" in shown(app))
        await pilot.press("ctrl+r")
        await until(pilot, lambda: isinstance(app.screen, DataScreen))
        with opened(home) as workspace:
            row = list_datasets(workspace)[0]
        assert (row.interactions, row.rejected) == (12, 1)


async def test_what_the_import_asks_is_answered_in_the_form(home, tmp_path, until):
    """Another separator and names of splits: the preview asks, the field has the focus, the answer holds."""
    source = tmp_path / "texts.csv"
    source.write_text("text^label^split\n" + "".join(f"t{n}^{'ab'[n % 2]}^holdout\n" for n in range(6)))
    app = PromptrecApp(home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await open_form(pilot, until)
        field(app, "source").value = str(source)
        await until(pilot, lambda: 'say --separator "^"' in shown(app))
        source.write_text(source.read_text().replace("^", " "))
        await pilot.press("ctrl+r")
        await until(pilot, lambda: app.focused is app.screen.query_one("#separator"))
        assert "say --separator space." in problem(app)
        app.screen.query_one("#separator", Select).value = "space"
        await until(pilot, lambda: "--map-split holdout=train, with one of" in shown(app))
        await pilot.press("ctrl+r")
        await until(pilot, lambda: app.focused is app.screen.query_one("#splits"))
        await pilot.press(*"holdout=test")
        await until(pilot, lambda: "The first rows are valid." in shown(app))
        await pilot.press("ctrl+r")
        await until(pilot, lambda: isinstance(app.screen, DataScreen))
    with opened(home) as workspace:
        (row,) = list_datasets(workspace)
        assert [each.split for each in dataset_examples(workspace, row.name, 0, 9)] == ["test"] * 6
