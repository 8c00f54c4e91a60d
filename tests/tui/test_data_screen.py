"""Mode 2, over real dataset files."""

import pytest
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.widgets import Input, Static

from promptrec_tui.tui.app import PromptrecApp
from promptrec_tui.tui.screens.confirm import ConfirmScreen
from promptrec_tui.tui.screens.items import ItemsScreen
from promptrec_tui.tui.widgets.data_text import HISTORY_COLUMNS, moment
from promptrec_tui.tui.widgets.paged_table import (
    KEPT_PAGES,
    PAGE_ROWS,
    Column,
    PagedRow,
    PagedTable,
    shown_columns,
)
from promptrec_tui.tui.widgets.table import Table
from promptrec_tui.workspace.datasets import (
    ImportOptions,
    dataset_rows,
    import_source,
    list_datasets,
    user_profile,
)
from promptrec_tui.workspace.opening import opened

LONG = 1_000_000


def paged(app, name) -> PagedTable:
    return app.screen.query_one(f"#{name}", PagedTable)


async def test_counts_users_and_a_history_with_its_titles(shop_home, until, screen_text):
    with opened(shop_home) as workspace:
        titles = [row.title for row in user_profile(workspace, "shop", "u01")[1]]
        counts = list_datasets(workspace)[0]
    app = PromptrecApp(shop_home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: paged(app, "users").chosen == "u00")
        assert "shop" in screen_text(app)
        assert f"{counts.interactions}" in screen_text(app)
        await pilot.press("enter", "j")
        await until(pilot, lambda: titles[0] in screen_text(app))
        assert all(title in screen_text(app) for title in titles)
        await pilot.press("enter")
        assert app.focused is paged(app, "history")
        await pilot.press("escape")
        assert app.focused is paged(app, "users")
        await pilot.press("escape")
        assert app.focused is app.screen.query_one("#datasets", Table)


async def test_users_are_filtered_by_key_and_come_back(shop_home, until):
    app = PromptrecApp(shop_home)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: paged(app, "users").chosen)
        await pilot.press("/", *"U2")
        await until(pilot, lambda: paged(app, "users").row_count == 10)
        await pilot.press("enter", "G")
        await until(pilot, lambda: paged(app, "users").chosen == "u29")
        await pilot.press("escape")
        await until(pilot, lambda: paged(app, "users").row_count == 30)
        assert app.screen.query_one("#filter", Input).value == ""


async def test_what_a_source_tells_of_a_user_stands_above_the_history(home, tmp_path, until, screen_text):
    source = tmp_path / "ml.inter"
    source.write_text("user_id:token\titem_id:token\nann\ta\nbob\ta\n")
    source.with_suffix(".user").write_text("user_id:token\tage:float\tjob:token\nann\t30\t[b]护士\n")
    with opened(home) as workspace:
        import_source(workspace, source, "known", ImportOptions())
    app = PromptrecApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: paged(app, "users").chosen == "ann")
        await pilot.press("enter")
        await until(pilot, lambda: "age 30  job [b]护士" in screen_text(app))
        await pilot.press("j")
        await until(pilot, lambda: "age 30" not in screen_text(app))


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
async def test_items_are_found_by_title_and_who_had_one(shop_home, until, screen_text, size):
    with opened(shop_home) as workspace:
        rows = dataset_rows(workspace, "shop", 0, 1000)
    had = [row.user for row in rows if row.title == "Thing K 10"]
    app = PromptrecApp(shop_home)
    async with app.run_test(size=size) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: app.screen.query("#users") and app.screen.present_dataset)
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, ItemsScreen))
        matches, holders = app.screen.query_one("#found"), app.screen.query_one("#holders")
        await until(pilot, lambda: matches.row_count == len({row.title for row in rows}))
        await pilot.press("slash", *"k 1")
        await until(pilot, lambda: matches.row_count == 1)
        await pilot.press("enter", "enter")
        await until(pilot, lambda: holders.row_count == len(had))
        assert f"Thing K 10: {len(had)} events" in screen_text(app)
        assert holders.chosen.startswith(had[0])
        await pilot.press("escape", "escape")
        await until(pilot, lambda: matches.row_count > 1)
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, ItemsScreen))


async def test_all_rows_to_the_last(shop_home, until, screen_text):
    with opened(shop_home) as workspace:
        total = list_datasets(workspace)[0].interactions
        last = dataset_rows(workspace, "shop", total - 1, 1)[0]
    app = PromptrecApp(shop_home)
    async with app.run_test(size=(160, 50)) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: paged(app, "users").chosen)
        await pilot.press("v", "G")
        await until(pilot, lambda: paged(app, "rows").chosen == f"{last.user} {last.position}")
        bottom = screen_text(app).splitlines()[-2]
        assert last.user in bottom
        assert last.title in bottom


async def test_titles_are_no_markup_and_wide_characters_keep_the_columns(full_home, until, screen_text):
    app = PromptrecApp(full_home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: paged(app, "users").chosen)
        await pilot.press("enter", "j", "j")
        await until(pilot, lambda: "Alien [/INST]" in screen_text(app) and "霸王别姬" in screen_text(app))
        assert {cell_len(line) for line in screen_text(app).splitlines()} == {80}


async def test_delete_asks_first_and_empties_the_pane(shop_home, until, screen_text):
    app = PromptrecApp(shop_home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: paged(app, "users").chosen)
        await pilot.press("D")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("y")
        await until(pilot, lambda: "No datasets yet." in screen_text(app))
        assert "i import" in screen_text(app)
    assert not list(shop_home.datasets.iterdir())


class LongApp(App[None]):
    """A million rows, and a note of every page that was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []

    def compose(self) -> ComposeResult:
        yield PagedTable((Column("row"), Column("square", 14, right=True)))

    def on_mount(self) -> None:
        table = self.query_one(PagedTable)
        table.show(LONG, self.fetch)
        table.focus()

    async def fetch(self, start: int, limit: int) -> list[PagedRow]:
        self.asked.append(start)
        return [PagedRow(f"row {n}", (f"row {n}", str(n * n))) for n in range(start, start + limit)]


async def test_of_a_long_table_only_what_is_seen_is_fetched(until, screen_text):
    app = LongApp()
    async with app.run_test(size=(40, 20)) as pilot:
        table = app.query_one(PagedTable)
        await until(pilot, lambda: table.chosen == "row 0")
        await pilot.press("G")
        await until(pilot, lambda: table.chosen == f"row {LONG - 1}")
        assert f"row {LONG - 1}" in screen_text(app).splitlines()[-1]
        await pilot.press("ctrl+u", "k")
        assert table.chosen == f"row {LONG - 20}"
        assert len(app.asked) == 2
        for page in range(KEPT_PAGES + 5):
            table.cursor = page * PAGE_ROWS
            await until(pilot, lambda page=page: table.chosen == f"row {page * PAGE_ROWS}")
        assert len(table.pages_held) <= KEPT_PAGES
        await pilot.press("g")
        await until(pilot, lambda: table.chosen == "row 0")


def test_a_day_is_shown_where_a_number_can_be_one():
    assert moment(964982703) == "2000-07-30"
    assert moment(964982703000) == "2000-07-30"
    assert moment(17) == "17"
    assert moment(None) == ""


@pytest.mark.parametrize(("size", "shown"), [((60, 15), True), ((50, 15), False), ((40, 12), False)])
async def test_titles_are_the_last_to_go_on_a_narrow_terminal(shop_home, until, screen_text, size, shown):
    with opened(shop_home) as workspace:
        title = user_profile(workspace, "shop", "u00")[1][0].title
    app = PromptrecApp(shop_home)
    async with app.run_test(size=size) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: paged(app, "users").chosen == "u00")
        await pilot.press("enter", "enter")
        await until(pilot, lambda: title in screen_text(app))
        assert ("rating" in screen_text(app)) is shown


def test_columns_go_by_their_rank():
    def labels(width: int) -> list[str]:
        return [column.label for column in shown_columns(HISTORY_COLUMNS, width)]

    assert labels(80) == ["#", "title", "rating", "when"]
    assert labels(40) == ["#", "title", "rating"]
    assert labels(30) == ["#", "title"]
    assert labels(20) == labels(3) == ["title"]


async def test_long_notes_leave_room_for_the_rows(shop_home, until, screen_text):
    rows = tuple(f"a note of some length, which takes a line of its own: {number}" for number in range(20))
    app = PromptrecApp(shop_home)
    async with app.run_test(size=(60, 15)) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: app.screen.query_one("#datasets", Table).keys)
        app.screen.query_one("#facts", Static).update("\n".join(rows))
        await pilot.pause()
        assert app.screen.query_one("#datasets", Table).size.height >= 6
        notes = app.screen.query_one("#notes")
        notes.focus()
        await pilot.press("G")
        await until(pilot, lambda: rows[-1][:30] in screen_text(app))


async def test_headings_stand_over_their_numbers(shop_home, until, screen_text):
    app = PromptrecApp(shop_home)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: "shop" in screen_text(app))
        heading, row = screen_text(app).splitlines()[1:3]
        for word, number in (("users", "30"), ("items", "24")):
            assert heading.index(word) + len(word) == row.index(number) + len(number)
