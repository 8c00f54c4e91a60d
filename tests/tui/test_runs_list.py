"""The list of runs at scale: the cursor, columns, order, filter, and what people say of runs."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from textual.geometry import Region
from textual.pilot import Pilot
from textual.widgets import Input, Static

from promptrec_tui.home import Home
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.label import Label, change_label, read_label
from promptrec_tui.runs.states import State
from promptrec_tui.tui.app import PromptrecApp
from promptrec_tui.tui.screens.run_columns import RunColumnsScreen
from promptrec_tui.tui.widgets import run_table
from promptrec_tui.tui.widgets.run_table import RunTable
from promptrec_tui.tui.widgets.table import Table
from promptrec_tui.workspace.runs import RunRow
from tests.waiting import until

MADE = datetime(2026, 1, 1, tzinfo=UTC)


def run_row(number: int, **changes: Any) -> RunRow:
    """A finished run; the larger its number, the newer it is."""
    row = RunRow(
        id=f"r{number:05}",
        name=f"run {number:05}",
        state=State.DONE,
        reason="",
        stalled=False,
        attempt=1,
        phase="",
        phase_done=None,
        phase_total=None,
        step=number,
        total_steps=20_000,
        train_loss=(number * 7919 % 10_007) / 1000,
        best_metric="ndcg@10",
        best_value=(number * 31 % 1009) / 1009,
        sparkline=(3.0, 2.0, 1.0),
        dataset="films",
        template="list",
        model="tiny",
        task="next_item",
        created=(MADE + timedelta(minutes=number)).isoformat(),
        updated=MADE.isoformat(),
        best_step=None,
    )
    return replace(row, **changes)


Listed = Callable[[Sequence[RunRow]], None]


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> Listed:
    """Have the workspace answer these runs from now on, newest first."""
    present: list[RunRow] = []
    monkeypatch.setattr("promptrec_tui.workspace.run_views.refreshed_runs", lambda workspace: list(present))

    def change(rows: Sequence[RunRow]) -> None:
        present[:] = sorted(rows, key=lambda row: row.created, reverse=True)

    return change


@asynccontextmanager
async def opened(home: Home, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Pilot[Any]]:
    """The app with its list shown."""
    app = PromptrecApp(home)
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: app.screen.has_class("-loaded") and table(pilot).row_count)
        yield pilot


def table(pilot: Pilot[Any]) -> RunTable:
    return pilot.app.screen_stack[0].query_one(RunTable)


def shown(pilot: Pilot[Any]) -> list[str]:
    """The lines of the screen."""
    return [strip.text for strip in pilot.app.screen._compositor.render_strips()]


def heading(pilot: Pilot[Any]) -> str:
    return next((line for line in shown(pilot) if line.startswith(" name")), "")


def line_of(pilot: Pilot[Any], text: str) -> int:
    return next(number for number, line in enumerate(shown(pilot)) if text in line)


async def test_the_cursor_stays_on_its_run_and_on_its_line_while_rows_come_and_go(empty_home, listed) -> None:
    rows = [run_row(number) for number in range(400)]
    listed(rows)
    async with opened(empty_home) as pilot:
        assert table(pilot).choose("r00200")
        await until(pilot, lambda: any("run 00200" in line for line in shown(pilot)))
        before = line_of(pilot, "run 00200")
        newer = [run_row(number) for number in range(400, 407)]
        listed([*rows[:100], *rows[150:], *newer])
        pilot.app.screen.renew()
        await until(pilot, lambda: table(pilot).row_count == 357)
        assert table(pilot).chosen == "r00200"
        assert line_of(pilot, "run 00200") == before
        listed([row for row in [*rows, *newer] if row.id != "r00200"])
        pilot.app.screen.renew()
        await until(pilot, lambda: table(pilot).row_count == 406)
        assert table(pilot).chosen == "r00199", "the next one takes its place"
        await pilot.press("g")
        listed([*rows, *newer, run_row(500)])
        pilot.app.screen.renew()
        await until(pilot, lambda: any("run 00500" in line for line in shown(pilot)))
        assert table(pilot).chosen == "r00406"


async def test_of_ten_thousand_runs_only_the_visible_lines_are_made(empty_home, listed, monkeypatch) -> None:
    made: list[str] = []
    cells = run_table.run_cells

    def counted(run: RunRow, *rest: Any) -> Any:
        made.append(run.id)
        return cells(run, *rest)

    monkeypatch.setattr(run_table, "run_cells", counted)
    rows = [run_row(number) for number in range(10_000)]
    listed(rows)
    async with opened(empty_home) as pilot:
        await pilot.press("G")
        await until(pilot, lambda: any("run 00000" in line for line in shown(pilot)))
        assert table(pilot).chosen == "r00000"
        await pilot.press("/", *"0777")
        await until(pilot, lambda: table(pilot).row_count < 20)
        assert {"r00777", "r07770"} <= set(table(pilot).keys)
        assert any("of 10,000 runs" in line for line in shown(pilot))
        assert len(set(made)) < 200


async def loaded(pilot: Any) -> None:
    """The present load has ended; the pane of a run that only the list has finds none, in its own worker."""
    loads = [worker for worker in pilot.app.workers if worker.group == "load"]
    await pilot.app.workers.wait_for_complete(loads)


async def test_nothing_is_drawn_again_while_nothing_changes(empty_home, listed, monkeypatch) -> None:
    rows = [run_row(number) for number in range(30)]
    listed(rows)
    async with opened(empty_home) as pilot:
        drawn: list[Region] = []
        monkeypatch.setattr(table(pilot), "refresh", lambda *regions, **_: drawn.extend(regions))
        pilot.app.screen.renew()
        await loaded(pilot)
        assert drawn == []
        listed([*rows[:28], replace(rows[28], train_loss=0.5), rows[29]])
        pilot.app.screen.renew()
        await loaded(pilot)
        assert [(region.y, region.height, region.width) for region in drawn] == [(2, 1, 8)], "one cell"


@pytest.mark.parametrize(
    ("width", "columns"),
    [
        (60, "name state progress loss best"),
        (80, "name state progress loss best trend age▲"),
        (240, "name state progress loss best trend age▲ test tags dataset template"),
    ],
)
async def test_columns_fit_the_width(empty_home, listed, width: int, columns: str) -> None:
    listed([run_row(1, name="a name much longer than any column " * 3), run_row(2)])
    async with opened(empty_home, (width, 24)) as pilot:
        assert heading(pilot)[: 120 if width > 120 else width].split() == columns.split()
        assert any("a name mu" in line and "…" in line for line in shown(pilot))
        if width == 60:
            await pilot.press("l", "l")
            await until(
                pilot, lambda: heading(pilot).split() == ["name", "loss", "best", "trend", "age▲", "test"]
            )
            await pilot.press("h", "h")
            await until(pilot, lambda: heading(pilot).split() == columns.split())


async def test_the_order_is_chosen_by_key_shown_and_kept(empty_home, listed) -> None:
    losses = {2: None, 3: 1.0, 4: 3.0}
    others = [run_row(number, train_loss=loss) for number, loss in losses.items()]
    listed([run_row(1, train_loss=2.0, pinned=True), *others])
    async with opened(empty_home) as pilot:
        assert table(pilot).keys == ["r00001", "r00004", "r00003", "r00002"]
        await pilot.press("less_than_sign", "less_than_sign")
        await until(pilot, lambda: "loss▲" in heading(pilot))
        assert table(pilot).keys == ["r00001", "r00003", "r00004", "r00002"]
        await pilot.press("o")
        await until(pilot, lambda: "loss▼" in heading(pilot))
        assert table(pilot).keys == ["r00001", "r00004", "r00003", "r00002"]
        await pilot.press("greater_than_sign")
        await until(pilot, lambda: "best▼" in heading(pilot))
        await pilot.press("less_than_sign")
        await until(pilot, lambda: "loss▲" in heading(pilot))
    async with opened(empty_home) as pilot:
        await until(pilot, lambda: "loss▲" in heading(pilot))
        assert table(pilot).keys == ["r00001", "r00003", "r00004", "r00002"]


async def test_columns_are_chosen_and_kept(empty_home, listed) -> None:
    listed([run_row(1, learning_rate=3e-5, tags=("films", "电影"))])
    async with opened(empty_home) as pilot:
        await pilot.press("v")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunColumnsScreen))
        chooser = pilot.app.screen.query_one(Table)
        for name in ("progress", "trend", "name"):
            chooser.choose(name)
            await pilot.press("space")
        chooser.choose("rate")
        await pilot.press(*"K" * 10, "enter", "escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, RunColumnsScreen))
        await until(pilot, lambda: heading(pilot).split()[:4] == ["name", "rate▲", "state", "loss"])
        assert any("3e-05" in line for line in shown(pilot))
    kept = json.loads(empty_home.session.read_text())
    assert kept["columns"][:2] == ["name", "rate"]
    kept.update(columns=["rate", "nobody", 7], sort=["nobody", True])
    empty_home.session.write_text(json.dumps(kept))
    async with opened(empty_home) as pilot:
        assert heading(pilot).split() == ["name", "rate"]


async def test_what_is_said_of_a_run_by_key_is_in_the_list_and_on_its_screen(full_home) -> None:
    folder = RunFolder(full_home.runs / "aaaa0001")
    change_label(RunFolder(full_home.runs / "aaaa0002"), tags=("big",))
    async with opened(full_home) as pilot:
        table(pilot).choose("aaaa0001")
        for key, text, field in (
            ("number_sign", "films bi", "tags"),
            ("quotation_mark", "as good as [/INST]", "note"),
            ("R", "-b", "name"),
        ):
            await pilot.press(key)
            await until(pilot, lambda: pilot.app.screen.query("#line"))
            await pilot.press(*text)
            if field == "tags":
                await until(pilot, lambda: pilot.app.screen.query_one("#line", Input)._suggestion)
                await pilot.press("right")
            await pilot.press("enter")
            await until(pilot, lambda field=field: getattr(read_label(folder), field))
        await pilot.press("P")
        label = Label("first-b", ("films", "big"), "as good as [/INST]", pinned=True)
        await until(pilot, lambda: read_label(folder) == label)
        await until(pilot, lambda: any("↑ first-b" in line for line in shown(pilot)))
        await until(pilot, lambda: any("#films #big" in line for line in shown(pilot)))
        await pilot.press("enter")
        await until(pilot, lambda: any("first-b  #films #big" in line for line in shown(pilot)))
        assert any(line.startswith(" as good as [/INST]") for line in shown(pilot))
        await pilot.press("number_sign")
        await until(pilot, lambda: pilot.app.screen.query("#line"))
        await pilot.press(*["backspace"] * 4, "enter")
        await until(pilot, lambda: read_label(folder).tags == ("films",))


async def test_archived_runs_are_hidden_and_counted_until_they_are_asked_for(full_home) -> None:
    async with opened(full_home) as pilot:
        await pilot.press("asterisk", "a")
        await until(pilot, lambda: any("2 archived hidden" in line for line in shown(pilot)))
        assert table(pilot).keys == []
        await pilot.press("/", *"archived", "enter")
        await until(pilot, lambda: len(table(pilot).keys) == 2)
        assert not any("hidden" in line for line in shown(pilot))
        await pilot.press("asterisk", "a")
        await until(pilot, lambda: len(table(pilot).keys) == 1)
        await pilot.press("escape")
        await until(pilot, lambda: any("1 archived hidden" in line for line in shown(pilot)))
        assert len(table(pilot).keys) == 1


async def test_the_filter_completes_fields_and_values(full_home) -> None:
    async with opened(full_home) as pilot:
        await pilot.press("/", "s")
        choices = pilot.app.screen.query_one("#choices", Static)
        await until(pilot, lambda: choices.display and "state:  step>  seed>" in str(choices.visual.plain))
        field = pilot.app.screen.query_one("#filter", Input)
        await until(pilot, lambda: field._suggestion == "state:")
        await pilot.press("right", "d")
        await until(pilot, lambda: field._suggestion == "state:done")
        await pilot.press("right", "enter")
        await until(pilot, lambda: table(pilot).keys == ["aaaa0001"])


@pytest.mark.parametrize(("size", "under"), [((80, 24), True), ((60, 15), False)])
async def test_the_curve_stands_under_the_list_where_there_is_room(full_home, size, under: bool) -> None:
    async with opened(full_home, size) as pilot:
        table(pilot).choose("aaaa0001")
        await pilot.pause()
        await pilot.app.workers.wait_for_complete()
        lines = "\n".join(shown(pilot))
        assert ("best validation NDCG@10 0.1400, test 0.12 (0.04 to 0.33); 20 cases" in lines) == under
        assert ("━ train" in lines) == under
        await pilot.press("c")
        await pilot.pause()
        assert any("━ train" in line for line in shown(pilot)) != under
