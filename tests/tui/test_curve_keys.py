"""Reading curves by keyboard: cursor, jumps, range, smoothing, scale, unit."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from textual.widgets import Static

from promptrec_tui.home import Home
from promptrec_tui.runs.event_log import EventLog
from promptrec_tui.runs.events import CheckpointEvent, MetricEvent
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.tui.widgets.canvas import CURSOR, FAINT, MARK
from promptrec_tui.tui.widgets.curves_pane import CurvesPane
from promptrec_tui.tui.widgets.loss_chart import LossChart
from tests.tui.conftest import write_dataset, write_run
from tests.tui.test_app import Driver, notices, opened_app, screen_text, settle

LONG, SPIKE = 1000, 577


@asynccontextmanager
async def opened_run(
    home: Home, run: str = "aaaa0001", size: tuple[int, int] = (80, 24), **options: bool
) -> AsyncIterator[Driver]:
    """The app with the screen of a run."""
    async with opened_app(home, size, **options) as pilot:
        pilot.app.open_run(run)
        await settle(pilot)
        yield pilot


def reading(pilot: Driver) -> str:
    return pilot.app.screen.query_one("#reading", Static).visual.plain


def inks(pilot: Driver) -> set[int]:
    """The inks of the chart in full size."""
    (chart,) = (chart for chart in pilot.app.screen.query(LossChart) if chart.has_class("-current"))
    return {ink for row in chart._rows for char, ink in row if char != " "}


@pytest.fixture
def long_home(empty_home: Home, tmp_path) -> Home:
    """A run of 1,000 steps with a spike of the loss, checkpoints, and a validation every 100 steps."""
    folder = write_run(empty_home, write_dataset(empty_home, tmp_path), "bbbb0001", "long", 0)
    folder.events.write_bytes(b"")
    with EventLog(folder, 1) as log:
        for step in range(1, LONG + 1):
            values = {"train_loss": 9.0 if step == SPIKE else 1 + step % 7 / 100, "learning_rate": 1e-3}
            log.write(MetricEvent(step=step, total_steps=LONG, epoch=step / 1000, values=values))
            if step % 100 == 0:
                values = {"validation_loss": 1.5 + abs(step - 700) / 1000, "ndcg@10": step / 1e5}
                log.write(MetricEvent(step=step, values=values))
                log.write(CheckpointEvent(step=step, best=step == 700, folder=f"checkpoint-{step}"))
    return empty_home


async def test_the_cursor_tells_the_exact_values_of_each_point(full_home: Home):
    async with opened_run(full_home) as pilot:
        assert CURSOR not in inks(pilot)
        assert "M smooth" in reading(pilot)
        await settle(pilot, "l")
        assert reading(pilot).startswith("step 240  epoch 3")
        assert "train 1.24" in reading(pilot)
        assert CURSOR in inks(pilot)
        await settle(pilot, "h")
        assert reading(pilot).startswith("step 235")
        assert " at 210" in reading(pilot)
        await settle(pilot, "left", "left", "right")
        assert reading(pilot).startswith("step 230")
        await settle(pilot, "0")
        assert reading(pilot).startswith("step 5 ")
        assert "validation" not in reading(pilot)
        await settle(pilot, "dollar_sign")
        assert reading(pilot).startswith("step 240")
        await settle(pilot, "z")
        assert CURSOR not in inks(pilot)


async def test_other_charts_share_the_cursor_and_users_keep_their_keys(full_home: Home):
    async with opened_run(full_home) as pilot:
        await settle(pilot, "h", "j")
        assert "NDCG@10, validation" in screen_text(pilot)
        assert "NDCG@10 0.14" in reading(pilot)
        await settle(pilot, "h")
        assert reading(pilot).startswith("step 210")
        await settle(pilot, "k", "h")
        assert reading(pilot).startswith("step 205")
        await settle(pilot, "]")
        assert pilot.app.screen.check_action("smooth", ()) is False
        await settle(pilot, "l")
        assert "user u2" in screen_text(pilot)


async def test_jumps_lead_to_the_best_value_gaps_and_spikes(long_home: Home):
    async with opened_run(long_home, "bbbb0001") as pilot:
        await settle(pilot, "V")
        assert reading(pilot).startswith("step 700")
        assert "★ best" in reading(pilot)
        await settle(pilot, "O")
        assert reading(pilot).startswith(f"step {SPIKE}")
        assert "train 9" in reading(pilot)
        await settle(pilot, "!")
        assert notices(pilot) == ["No gap in this chart."]


async def test_a_gap_is_a_place_to_jump_to(full_home: Home):
    async with opened_run(full_home) as pilot:
        await settle(pilot, "!")
        assert reading(pilot).startswith("step 60")
        assert "train nan" in reading(pilot)


async def test_zoom_reads_the_points_that_were_thinned(long_home: Home):
    async with opened_run(long_home, "bbbb0001") as pilot:
        await settle(pilot, "O", "h")
        far = int(reading(pilot).split()[1])
        assert far < SPIKE - 1
        await settle(pilot, "l", *["plus"] * 5)
        pane = pilot.app.screen.query_one(CurvesPane)
        assert pane.view.span == pytest.approx(LONG / 32)
        await settle(pilot, "h")
        assert reading(pilot).startswith(f"step {SPIKE - 1}")
        await settle(pilot, "l", "l")
        assert reading(pilot).startswith(f"step {SPIKE + 1}")
        await settle(pilot, *["minus"] * 5)
        assert pane.view.span is None


async def test_a_range_follows_the_run_until_it_is_moved(full_home: Home):
    def go_on(step: int) -> None:
        with EventLog(RunFolder(full_home.runs / "aaaa0002"), 1) as log:
            log.write(MetricEvent(step=step, total_steps=900, epoch=1, values={"train_loss": 1.7}))

    async with opened_run(full_home, "aaaa0002") as pilot:

        async def shown(step: int) -> str:
            go_on(step)
            pilot.app.screen.renew()
            await settle(pilot)
            return screen_text(pilot).split("\n")[-3]

        await settle(pilot, "plus", "plus")
        assert "200" in (await shown(200)).split()
        await settle(pilot, "h", "pageup", "pageup", "pageup", "pageup")
        axis = screen_text(pilot).split("\n")[-3]
        assert await shown(300) == axis
        await settle(pilot, "end")
        assert "400" in (await shown(400)).split()
        assert reading(pilot).startswith("step 400")
        await settle(pilot, "z")
        assert "500" in (await shown(500)).split()


async def test_smoothing_goes_round_and_leaves_the_raw_points_behind(full_home: Home):
    async with opened_run(full_home) as pilot:
        assert FAINT not in inks(pilot)
        for weight in ("0.6", "0.9", "0.99"):
            await settle(pilot, "M")
            assert f"smooth {weight}" in reading(pilot)
            assert FAINT in inks(pilot)
        await settle(pilot, "l")
        assert "(smooth " in reading(pilot)
        await settle(pilot, "M")
        assert "smooth" not in reading(pilot)
        assert FAINT not in inks(pilot)


async def test_scale_and_unit_change_and_are_told(full_home: Home):
    async with opened_run(full_home) as pilot:
        await settle(pilot, "Y")
        assert "log" in reading(pilot)
        await settle(pilot, "Y", "A")
        assert "by epoch" in reading(pilot)
        assert any(line.split()[-1:] == ["3.0"] for line in screen_text(pilot).split("\n"))
        await settle(pilot, "A")
        assert "by time" in reading(pilot)
        await settle(pilot, "A")
        assert "by" not in reading(pilot)


async def test_checkpoints_and_the_best_step_are_marked(long_home: Home):
    async with opened_run(long_home, "bbbb0001") as pilot:
        assert MARK in inks(pilot)
        axis = screen_text(pilot).split("\n")[-4]
        assert axis.count("◆") == 9
        assert axis.count("★") == 1
        assert "★ best 700  ◆ checkpoint" in reading(pilot)


async def test_with_ascii_only_the_pane_is_ascii(full_home: Home):
    async with opened_run(full_home, ascii_only=True) as pilot:
        await settle(pilot, *"hhMMYA")
        await settle(pilot, "plus")
        lines = screen_text(pilot).split("\n")[4:-1]
        assert "\n".join(lines).isascii()
        assert any("^" in line for line in lines)


async def test_a_low_screen_gives_the_result_a_page_of_its_own(full_home: Home):
    async with opened_run(full_home, size=(60, 15)) as pilot:
        assert "too small" not in screen_text(pilot)
        assert "NDCG@10 over untuned" in screen_text(pilot), "what everybody waits for comes first"
        await settle(pilot, "h", "plus", "V", "!")
        assert notices(pilot) == []
        await settle(pilot, "j")
        assert "loss  ━ train" in screen_text(pilot)
        await settle(pilot, "k")
        assert "NDCG@10 over untuned" in screen_text(pilot)


async def test_a_result_that_outgrows_the_room_beside_the_charts_comes_to_the_front(full_home: Home):
    """The untuned figures come minutes before the others, and have room below a chart."""
    async with opened_run(full_home, size=(80, 22)) as pilot:
        pane = pilot.app.screen.query_one(CurvesPane)
        whole = pane._run
        assert whole
        before, gain = whole.metrics["before"], whole.metrics["gain"]["before"]
        pane.show(replace(whole, metrics={"before": before}))
        await settle(pilot)
        assert "loss  ━ train" in screen_text(pilot)
        more = {
            "blend": before,
            "baselines": {f"scorer{number}": before for number in range(4)},
            "gain": {
                "before": gain,
                **{side: {"name": "scorer0", **gain} for side in ("best_baseline", "blend")},
            },
        }
        pane.show(replace(whole, metrics={**whole.metrics, **more}))
        await settle(pilot)
        assert "NDCG@10 over untuned" in screen_text(pilot)
        print(screen_text(pilot))
        assert "loss  ━ train" not in screen_text(pilot)


async def test_who_reads_a_chart_is_left_to_it(full_home: Home):
    async with opened_run(full_home, size=(60, 15)) as pilot:
        await settle(pilot, "j", "h")
        pane = pilot.app.screen.query_one(CurvesPane)
        pane.show(pane._run)
        await settle(pilot)
        assert "loss  ━ train" in screen_text(pilot)


async def test_the_chart_that_the_keys_act_on_stands_out_among_all(full_home: Home):
    async with opened_run(full_home, size=(160, 50)) as pilot:
        await settle(pilot, "j")
        charts = list(pilot.app.screen.query(LossChart))
        reverse = [chart.get_component_styles("chart--title").text_style.reverse for chart in charts]
        assert reverse == [None, True, None, None, None]
        await settle(pilot, "h")
        assert all(any(ink == CURSOR for row in chart._rows for _, ink in row) for chart in charts)
        assert "train" in reading(pilot)
        assert "rate" in reading(pilot)


async def test_a_moved_cursor_draws_no_curve_again(long_home: Home, monkeypatch: pytest.MonkeyPatch):
    async with opened_run(long_home, "bbbb0001", size=(160, 50)) as pilot:
        await settle(pilot, "h")
        drawn: list[object] = []
        monkeypatch.setattr(LossChart, "_draw", lambda chart: drawn.append(chart))
        await settle(pilot, "h", "h", "h")
        assert drawn == []
