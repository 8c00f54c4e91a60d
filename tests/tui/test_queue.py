"""The queue by keyboard, on the list of runs."""

import pytest

from promptrec_tui.files import write_json
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.queue import asked_entry, enqueue, note_reason, queue_entry
from promptrec_tui.tui.app import PromptrecApp
from promptrec_tui.tui.widgets.run_table import RunTable


@pytest.fixture
def looks(monkeypatch):
    """How often the queue was looked at; nothing is started."""
    looked = []
    monkeypatch.setattr("promptrec_tui.workspace.queue.spawn_dispatch", looked.append)
    return looked


@pytest.fixture
def waiting(full_home, looks):
    """Two runs that wait, in this order."""
    folders = [RunFolder(full_home.runs / name) for name in ("aaaa0002", "aaaa0001")]
    for folder in folders:
        enqueue(folder, device="cpu")
    return folders


async def test_keys_move_hold_and_prefer_the_run_under_the_cursor(full_home, waiting, until, screen_text):
    first, second = waiting
    app = PromptrecApp(full_home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: "queued 2" in screen_text(app))
        app.screen.query_one(RunTable).choose(second.id)
        for key, shown in (("K", "queued 1"), ("J", "queued 2"), ("T", "queued 1"), ("}", "priority 1")):
            await pilot.press(key)
            await until(pilot, lambda shown=shown: shown in row_text(app, second.id))
        await pilot.press("{")
        await until(pilot, lambda: queue_entry(second).priority == 0)
        await pilot.press("H")
        await until(pilot, lambda: "held 1" in row_text(app, second.id))
        await pilot.press("H")
        await until(pilot, lambda: "queued 1" in row_text(app, second.id))
        await pilot.press("F")
        await until(pilot, lambda: "Should it fail, the queue stops." in screen_text(app))
        assert not queue_entry(second).continue_after_failure
        assert queue_entry(first).continue_after_failure


async def test_a_waiting_run_says_why(full_home, waiting, until, screen_text):
    note_reason(queue_entry(waiting[0]), "waits for GPU 0: 61 GiB are used by another user")
    app = PromptrecApp(full_home)
    async with app.run_test(size=(160, 50)) as pilot:
        await until(pilot, lambda: "queued 2" in screen_text(app))
        app.screen.query_one(RunTable).choose(waiting[0].id)
        await until(pilot, lambda: "waits for GPU 0: 61 GiB are used by another user" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "survives logout: " in screen_text(app))
        assert "waits for GPU 0: 61 GiB are used by another user" in screen_text(app)


async def test_a_failed_run_lets_the_queue_go(full_home, waiting, until, screen_text):
    failed = waiting[0]
    entry = enqueue(failed, device="cpu", continue_after_failure=False)
    failed.attempt(entry.attempt).path.mkdir()
    write_json(failed.attempt(entry.attempt).exit, {"state": "failed", "reason": "broke"})
    app = PromptrecApp(full_home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: "failed" in screen_text(app))
        app.screen.query_one(RunTable).choose(failed.id)
        await pilot.press("H")
        await until(pilot, lambda: asked_entry(failed).continue_after_failure)
        await pilot.press("H")
        await until(
            pilot, lambda: any("is failed: only a run that waits" in n.message for n in app._notifications)
        )


async def test_the_app_has_the_queue_looked_at_while_a_run_waits(full_home, waiting, looks, until):
    app = PromptrecApp(full_home)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: looks == [full_home])


async def test_the_app_leaves_a_queue_alone_in_which_nothing_may_start(full_home, looks, until, screen_text):
    enqueue(RunFolder(full_home.runs / "aaaa0002"), device="cpu", hold=True)
    app = PromptrecApp(full_home)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "held 1" in screen_text(app))
        app.move_queue()
        await app.workers.wait_for_complete()
        assert looks == []


def row_text(app, run):
    table = app.screen.query_one(RunTable)
    return table.row(table.keys.index(run), table.size.width).text
