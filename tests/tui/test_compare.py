"""Runs are marked in the list and compared side by side, by keyboard."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from promptrec_tui.errors import UserError
from promptrec_tui.files import write_atomic
from promptrec_tui.home import Home
from promptrec_tui.runs.settings import apply_settings
from promptrec_tui.tui.app import PromptrecApp
from promptrec_tui.tui.screens.compare import CompareScreen
from promptrec_tui.tui.screens.runs import RunsScreen
from promptrec_tui.tui.widgets.loss_chart import LossChart
from promptrec_tui.tui.widgets.run_table import RunTable
from promptrec_tui.tui.widgets.table import Table
from promptrec_tui.workspace.datasets import DatasetRow
from tests.compared import report_ranks
from tests.tui.conftest import STEPS, write_dataset, write_run
from tests.waiting import until

NAMES = {"aaaa0001": "first", "aaaa0002": "第二次 [/INST]", "aaaa0003": "third"}
RANKS = {
    "aaaa0001": {f"u{number}": float(4 + number % 9) for number in range(40)},
    "aaaa0002": {f"u{number}": float(1 + number % 5 if number < 30 else 40) for number in range(40)},
    "aaaa0003": {f"u{number}": float(4 + number % 9) for number in range(40)},
}


def write_compared(
    home: Home,
    dataset: DatasetRow,
    run: str,
    name: str,
    ranks: Mapping[str, float],
    blend: Mapping[str, float] | None = None,
    **settings: Any,
) -> None:
    """A run that is done, with settings of its own and a rank for each user, perhaps by a blend too."""
    folder = write_run(home, dataset, run, name, STEPS)
    spec = folder.spec()
    changed = apply_settings(
        spec.settings, {key.replace("__", "."): value for key, value in settings.items()}
    )
    write_atomic(folder.spec_file, spec.model_copy(update={"settings": changed}).model_dump_json().encode())
    report_ranks(folder, ranks, blend)


@pytest.fixture
def home(empty_home: Home, tmp_path: Path) -> Home:
    """Three finished runs: the second has another learning rate, the third another seed than the first."""
    dataset = write_dataset(empty_home, tmp_path)
    for run, settings in zip(NAMES, ({}, {"train__learning_rate": 0.25}, {"train__seed": 7}), strict=True):
        write_compared(empty_home, dataset, run, NAMES[run], RANKS[run], **settings)
    return empty_home


@pytest.fixture
def many(empty_home: Home, tmp_path: Path) -> Home:
    """Nine finished runs with learning rates of their own; the third one has a blend."""
    dataset = write_dataset(empty_home, tmp_path)
    for number in range(9):
        ranks = {f"u{user}": float(1 + (user + number) % 7) for user in range(40)}
        blend = dict.fromkeys(ranks, 2.0) if number == 2 else None
        rate = 0.001 * (1 + number // 4)
        name = "first" if number == 0 else f"run {number}"
        write_compared(empty_home, dataset, f"bbbb000{number}", name, ranks, blend, train__learning_rate=rate)
    return empty_home


def shown(pilot: Pilot[Any]) -> str:
    return "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips())


def figures(pilot: Pilot[Any]) -> str:
    return pilot.app.screen.query_one("#figures", Static).visual.plain


@asynccontextmanager
async def opened(home: Home, size: tuple[int, int] = (80, 24), **options: bool) -> AsyncIterator[Pilot[Any]]:
    """The app with its list shown, the cursor on the run `first`."""
    app = PromptrecApp(home, **options)
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: app.screen.has_class("-loaded") and "first" in shown(pilot))
        app.screen.query_one(RunTable).choose(min(row.id for row in app.runs))
        await pilot.pause()
        yield pilot


async def compare(pilot: Pilot[Any], *runs: str) -> None:
    """Mark these runs and compare them."""
    for run in runs:
        pilot.app.screen.query_one(RunTable).choose(run)
        await pilot.press("space")
    await pilot.press("equals_sign")
    await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen))
    await until(pilot, lambda: "minus" in figures(pilot))


async def test_marks_are_shown_counted_and_kept(home: Home) -> None:
    async with opened(home) as pilot:
        table = pilot.app.screen.query_one(RunTable)
        assert "marked" not in shown(pilot)
        await pilot.press("space")
        await until(pilot, lambda: "★ baseline first" in shown(pilot))
        assert "★ first" in shown(pilot)
        table.choose("aaaa0002")
        await pilot.press("b")
        await until(pilot, lambda: "★ baseline 第二次 [/INST]" in shown(pilot))
        assert "◆ first" in shown(pilot)
        await pilot.press("asterisk")
        await until(pilot, lambda: "3 marked" in shown(pilot))
        await pilot.press("asterisk")
        await until(pilot, lambda: "marked" not in shown(pilot))
        await pilot.press("asterisk", "space")
        await until(pilot, lambda: "2 marked" in shown(pilot))
    async with opened(home) as pilot:
        await until(pilot, lambda: "2 marked" in shown(pilot))


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (160, 50)])
async def test_all_that_differs_can_be_read(home: Home, size: tuple[int, int]) -> None:
    async with opened(home, size) as pilot:
        await compare(pilot, "aaaa0001", "aaaa0002")
        assert "A first ★ baseline   B 第二次 [/INST]" in shown(pilot)
        assert "B minus A" in shown(pilot)
        pairs = [(RANKS["aaaa0002"][user], RANKS["aaaa0001"][user]) for user in RANKS["aaaa0001"]]
        wins, losses = sum(a < b for a, b in pairs), sum(a > b for a, b in pairs)
        counts = f"better for {wins}, equal for {40 - wins - losses}, worse for {losses} of 40 users"
        assert counts in figures(pilot)
        await pilot.press("]")
        await until(pilot, lambda: "train.learning_rate" in shown(pilot))
        assert "0.25" in shown(pilot)
        await pilot.press("]")
        await until(pilot, lambda: "validation NDCG@10" in shown(pilot))
        assert [series.name for series in pilot.app.screen.query_one(LossChart)._chart.series] == ["A", "B"]
        await pilot.press("l")
        await until(pilot, lambda: "validation HR@10" in shown(pilot))
        await pilot.press("]")
        await until(pilot, lambda: "highest gain first" in shown(pilot))
        assert "▲" in shown(pilot)


async def test_users_have_both_lists_where_they_are_pinned(home: Home) -> None:
    async with opened(home) as pilot:
        await compare(pilot, "aaaa0001", "aaaa0002")
        await pilot.press("o")
        await until(pilot, lambda: "highest loss first" in shown(pilot))
        table = pilot.app.screen.query_one("#by-gain", Table)
        assert table.keys[0] in [f"u{number}" for number in range(30, 40)]
        assert "only pinned users have lists" in shown(pilot)
        await pilot.press("o")
        await until(pilot, lambda: "pinned users" in shown(pilot))
        assert sorted(table.keys) == ["u1", "u2"]
        await until(pilot, lambda: "preview, validation target" in shown(pilot))
        assert "A first, rank 2" in shown(pilot)
        assert "B 第二次 [/INST], rank 2" in shown(pilot)
        assert "Alien [/INST]" in shown(pilot)


async def test_the_baseline_and_the_pair_are_chosen_by_keys(home: Home) -> None:
    async with opened(home, (160, 50)) as pilot:
        await compare(pilot, *NAMES)
        assert "B minus A" in shown(pilot)
        assert "C minus A" in shown(pilot)
        assert "A C differ in their seed only" in figures(pilot)
        await pilot.press(")")
        await until(pilot, lambda: "rank in A → in C" in shown(pilot))
        await pilot.press("b")
        await until(pilot, lambda: "A minus B" in shown(pilot))
        assert "第二次 [/INST] ★ baseline" in shown(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen))
        await until(pilot, lambda: "★ baseline 第二次 [/INST]" in shown(pilot))


async def test_what_is_missing_says_which_key_helps(home: Home) -> None:
    async with opened(home) as pilot:
        await pilot.press("equals_sign")
        await until(pilot, lambda: "Fewer than two runs are marked" in shown(pilot))
        await pilot.press("escape", "space")
        # One mark: the run under the cursor is the other one.
        await pilot.press("equals_sign")
        await until(pilot, lambda: "minus" in shown(pilot))


async def test_runs_of_unlike_protocols_show_why_and_all_the_rest(home: Home, tmp_path: Path) -> None:
    from promptrec_tui.workspace.datasets import list_datasets
    from promptrec_tui.workspace.opening import opened as opened_home

    with opened_home(home) as workspace:
        (dataset,) = list_datasets(workspace)
    write_compared(home, dataset, "aaaa0004", "mean", RANKS["aaaa0001"], evaluation__score="mean")
    async with opened(home) as pilot:
        for run in ("aaaa0001", "aaaa0004"):
            pilot.app.screen.query_one(RunTable).choose(run)
            await pilot.press("space")
        await pilot.press("equals_sign")
        await until(pilot, lambda: "unlike protocols" in shown(pilot))
        assert "--set evaluation.score=sum" in shown(pilot).replace("\n", " ")
        await pilot.press("]")
        await until(pilot, lambda: "evaluation.score" in shown(pilot))
        await pilot.press("]")
        await until(pilot, lambda: "validation NDCG@10" in shown(pilot))


async def test_ascii_is_enough(home: Home) -> None:
    async with opened(home, ascii_only=True) as pilot:
        await compare(pilot, "aaaa0001", "aaaa0003")
        await pilot.press("]", "]")
        await until(pilot, lambda: "validation NDCG@10" in shown(pilot))
        # Titles stay as they are, and the scrollbars are Textual's.
        for name in ("legend", "figures", "unlike", "pair"):
            assert pilot.app.screen.query_one(f"#{name}", Static).visual.plain.isascii()
        chart = pilot.app.screen.query_one(LossChart)
        assert "".join(chart.render_line(y).text for y in range(chart.size.height)).isascii()
        await pilot.press("escape")
        await until(pilot, lambda: "* first" in shown(pilot))
        assert "+ third" in shown(pilot)


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (160, 50)])
async def test_many_runs_keep_their_letters_and_six_of_them_curves(many: Home, size: tuple[int, int]) -> None:
    def drawn() -> list[str]:
        return [series.name for series in pilot.app.screen.query_one(LossChart).chart.series]

    async with opened(many, size) as pilot:
        await compare(pilot, *(f"bbbb000{number}" for number in range(9)))
        lines = [line.split() for line in figures(pilot).splitlines()]
        assert [line[0] for line in lines if line[1:2] == ["run"]] == list("BCDEFGHI")
        # Eight pairs with the baseline, and the blend and the mixture of one run.
        (counts,) = [part for part in figures(pilot).split("\n\n") if part.startswith("by user")]
        assert len(counts.splitlines()) == 1 + 8 + 2
        assert "C blend minus A" in counts
        assert len([line for line in lines if line[:2] == ["blend", "-"]]) == 8
        pane = pilot.app.screen.query_one("#metrics")
        await until(pilot, lambda: pane.max_scroll_y > 0)
        await pilot.press("G")
        await until(pilot, lambda: pane.scroll_y == pane.max_scroll_y)
        await pilot.press("]")
        await until(pilot, lambda: "train.learning_rate" in shown(pilot))
        unlike = pilot.app.screen.query_one("#unlike", Static).visual.plain
        assert ["0.002", *"EFGH"] in [line.split() for line in unlike.splitlines()]
        await pilot.press("]")
        title = pilot.app.screen.query_one("#curve-title", Static)
        await until(pilot, lambda: "3 of 9 runs are not drawn" in title.visual.plain)
        assert drawn() == list("ABCDEF")
        await pilot.press("(")
        await until(pilot, lambda: drawn() == list("ABCDEI"))
        assert pilot.app.screen._tab == "curves"
        # All runs are in the table of points, those of the picture by their names.
        offers = {offer.form: offer for offer in pilot.app.screen.exports() if "validation" in offer.noun}
        assert "run 8" in await offers["SVG"].made()
        assert "run 5" not in await offers["SVG"].made()
        header = (await offers["CSV"].made()).splitlines()[0]
        assert header == ",".join(["step", "first", *(f"run {number}" for number in range(1, 9))])
        await pilot.press("]")
        await until(pilot, lambda: "rank in A → in I" in shown(pilot))
        await pilot.press(")")
        await until(pilot, lambda: "rank in A → in B" in shown(pilot))


async def test_more_runs_than_letters_are_refused_in_a_sentence(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("promptrec_tui.tui.screens.compare.MOST_RUNS", 2)
    async with opened(home) as pilot:
        await until(pilot, lambda: "first" in shown(pilot) and "third" in shown(pilot))
        await pilot.press("asterisk", "equals_sign")
        said = "runs are marked; the screen has letters for 2"
        await until(pilot, lambda: any(said in each.message for each in pilot.app._notifications))
        assert isinstance(pilot.app.screen, RunsScreen)


async def test_it_is_told_how_far_the_pairs_are_and_a_comparison_can_be_left(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    from promptrec_tui.workspace import compare as module

    goes_on, ended = Event(), Event()

    def slow(workspace: Any, runs: Any, blend: bool, baseline: str, progress: Any) -> None:
        progress("resampling", 3, 8)
        goes_on.wait()
        try:
            progress("resampling", 4, 8)
        except UserError:
            ended.set()
            raise

    monkeypatch.setattr(module, "compare_runs", slow)
    async with opened(home, (160, 50)) as pilot:
        for run in NAMES:
            pilot.app.screen.query_one(RunTable).choose(run)
            await pilot.press("space")
        await pilot.press("equals_sign")
        await until(pilot, lambda: "pair 4 of 8" in shown(pilot))
        await until(pilot, lambda: "resampling users" in shown(pilot))
        await until(pilot, lambda: "esc leaves" in shown(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen))
        goes_on.set()
        await until(pilot, ended.is_set)
