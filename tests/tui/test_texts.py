"""Figures, rankings and logs as text in exact cells."""

import math
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from promptrec_tui.tui.glyphs import ASCII, UNICODE
from promptrec_tui.tui.widgets.cells import cut, padded
from promptrec_tui.tui.widgets.preview_pane import preview_text, rank_text
from promptrec_tui.tui.widgets.rankings import beside, history_text, ranking_lines, score_text
from promptrec_tui.tui.widgets.result_text import result_text
from promptrec_tui.tui.widgets.run_columns import COLUMNS, DEFAULT, fitted
from promptrec_tui.tui.widgets.run_table import run_cells
from promptrec_tui.tui.widgets.run_text import age_text, number_text, progress_text, sparkline

wild = st.text(
    alphabet=st.one_of(st.characters(), st.sampled_from("霸王别姬[/INST]\x1b\u202e…")), max_size=40
)


def run_row(**changes: Any) -> Any:
    row = {
        "id": "r",
        "name": "霸王别姬的一个很长的名字",
        "state": "running",
        "reason": "",
        "stalled": False,
        "phase": "training",
        "phase_done": None,
        "phase_total": None,
        "step": 8200,
        "total_steps": 10000,
        "train_loss": 1.93,
        "best_metric": "ndcg@10",
        "best_value": 0.0841,
        "sparkline": (3.0, 2.0, 1.0),
        "dataset": "films",
        "template": "list",
        "model": "tiny",
        "task": "next_item",
        "method": "lora",
        "learning_rate": 3e-5,
        "seed": 1,
        "test_value": 0.0712,
        "tags": ("films", "电影"),
        "note": "霸王",
        "pinned": True,
        "archived": False,
        "created": "2026-01-01T00:00:00+00:00",
        "queue": None,
    }
    return SimpleNamespace(**{**row, **changes})


@given(wild, st.integers(0, 60))
def test_text_is_cut_to_cells_and_padded_to_exactly_so_many(text, width):
    assert cell_len(cut(text, width)) <= width
    assert cell_len(padded(text, width)) == width


def test_what_is_cut_says_so_and_what_fits_stays():
    assert cut("霸王别姬", 8) == "霸王别姬"
    assert cut("霸王别姬", 7) == "霸王别…"
    assert cut("霸王别姬", 6, "~") == "霸王~"
    assert cut("a\x1b]52;c;x\x07b", 20) == "a]52;c;xb"


@pytest.mark.parametrize(
    "changes", [{}, {"state": "interrupted"}, {"train_loss": math.nan}, {"best_value": None, "stalled": True}]
)
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_the_cells_of_a_run_fit_their_columns(changes, glyphs):
    for width in (60, 80, 120, 240):
        columns = fitted((*DEFAULT, *(COLUMNS.keys() - set(DEFAULT))), width)
        cells = run_cells(run_row(**changes), columns, glyphs, "x")
        assert [cell_len(text) - 2 for text, _ in cells] == [room for _, room in columns]
        assert sum(cell_len(text) for text, _ in cells) <= width
    assert sum(room + 2 for _, room in fitted(DEFAULT[:7], 80)) == 80


@given(st.lists(st.sampled_from(sorted(COLUMNS)), unique=True, min_size=1), st.integers(0, 300))
def test_columns_keep_their_order_and_fill_no_more_than_the_width(names, width):
    columns = fitted(tuple(names), width)
    assert [column.name for column, _ in columns] == names[: len(columns)]
    assert sum(room + 2 for _, room in columns) <= width or len(columns) == 1
    assert all(column.least <= room <= max(column.most, column.least) for column, room in columns)


def test_progress_is_steps_in_training_and_else_the_phase():
    assert progress_text(run_row()) == "8200/10000"
    assert progress_text(run_row(phase="testing", phase_done=12, phase_total=200)) == "12/200 testing"
    assert progress_text(run_row(phase="loading")) == "loading"
    assert progress_text(run_row(state="done", phase="finishing")) == "8200/10000"
    assert progress_text(run_row(state="queued", step=0, total_steps=None)) == "-"


def test_numbers_and_ages():
    assert [number_text(value) for value in (None, math.nan, 1.23456)] == ["-", "nan", "1.235"]
    now = datetime(2026, 1, 10, tzinfo=UTC)
    ages = {
        seconds: age_text((now - timedelta(seconds=seconds)).isoformat(), now)
        for seconds in (42, 420, 7200, 864_000)
    }
    assert list(ages.values()) == ["42s", "7m", "2h", "10d"]
    assert age_text("2026-01-09T23:59:00", now) == "1m"
    assert age_text("soon", now) == "-"


@given(st.lists(st.one_of(st.floats(allow_nan=True), st.none()), max_size=30), st.integers(0, 12))
def test_a_sparkline_has_at_most_its_width(values, width):
    assert len(sparkline(values, width)) <= width


def test_a_sparkline_falls_with_its_values_and_leaves_gaps():
    assert sparkline([3, 2, None, 1], 8) == "█▄ ▁" or sparkline([3, 2, None, 1], 8) == "█▅ ▁"
    assert sparkline([1, 1], 8) == "▄▄"
    assert sparkline([3, 1], 8, ASCII.bars).isascii()


shown_scores = st.sampled_from(["", "-98.76", "<0.01%", "12.3%"])


@given(st.lists(st.tuples(wild, wild, shown_scores), max_size=12), st.integers(20, 70), wild)
def test_rankings_fill_their_column_whatever_the_titles(items, width, target):
    lines = ranking_lines("before", items, width, UNICODE, target)
    assert {cell_len(line.plain) for line in lines} == {width}
    both = beside(width, lines, lines[:3]).plain.split("\n")[:-1]
    assert {cell_len(line) for line in both} == {2 * width + 2}


def test_a_score_is_a_percentage_where_it_is_a_probability():
    assert [score_text(-1.0, share) for share in (0.5, 0.0123, 0.00001, 1.0, None)] == [
        "50.0%",
        "1.23%",
        "<0.01%",
        "100.0%",
        "-1.00",
    ]
    assert score_text(None, None) == ""


def test_the_target_is_marked_by_key_or_title():
    items = [("i1", "Heat", "-1.00"), ("i2", "Ran", "-2.00")]
    for target in ("i2", "Ran"):
        assert ["★" in line.plain for line in ranking_lines("now", items, 40, UNICODE, target)] == [
            False,
            False,
            True,
        ]
    assert not any("★" in line.plain for line in ranking_lines("now", items, 40, UNICODE, ""))


def test_a_history_keeps_its_newest_titles():
    text = history_text([f"title {n}" for n in range(100)], 60, UNICODE).plain
    assert text.startswith("history (100)  … title 9")
    assert text.endswith("title 99")


def test_a_preview_shows_the_move_of_the_target():
    def row(stage: str, step: int, rank: float, top: tuple[str, ...]) -> Any:
        shown = tuple({"key": title, "title": title, "logprob": -1.0} for title in top)
        return SimpleNamespace(
            stage=stage, step=step, user="u\x1b1", history=("Heat",), target="Ran", rank=rank, top=shown
        )

    text = preview_text(
        [row("before", 0, 9, ("Up",)), row("now", 40, 2.5, ("Ran",))], "1 of 1", 80, UNICODE
    ).plain
    assert "9 → 2.5  ▲ 6.5" in text
    assert "★ 1 Ran" in text
    assert "now, step 40" in text
    assert "\x1b" not in text
    assert "▼ 7" in preview_text([row("before", 0, 2, ()), row("after", 1, 9, ())], "", 80, UNICODE).plain
    assert rank_text(None) == "-"
    blended = [row("before", 0, 9, ("Up",)), row("after", 40, 2.5, ("Ran",)), row("blend", 40, 1, ("Ran",))]
    for width in (60, 80, 200):
        text = preview_text(blended, "1 of 1", width, UNICODE).plain
        assert "9 → 2.5  ▲ 6.5   by the blend 1" in text
        heading = next(line for line in text.splitlines() if "before, step 0" in line)
        assert heading.index("before") < heading.index("after") < heading.index("blend")
        assert max(map(cell_len, text.splitlines()[3:])) <= width


def test_the_result_names_gains_with_their_intervals():
    assert result_text({"before": None, "after": None, "baselines": {}, "gain": None}, "ndcg@10") is None
    gain = {"ndcg@10": {"value": 0.063, "low": -0.01, "high": 0.085}}
    figures = {"hr@10": 0.2, "ndcg@10": None, "mrr@10": 0.1}
    metrics = {
        "before": figures,
        "after": figures,
        "baselines": {"markov": figures},
        "gain": {"before": gain, "best_baseline": {"name": "markov", **gain}},
    }
    text = result_text(metrics, "ndcg@10")
    assert text is not None
    assert "NDCG@10 over markov: +0.0630 (95% -0.0100 to +0.0850)" in text.plain
    assert "markov               0.2000        -   0.1000" in text.plain
    partial = result_text({"before": figures, "after": None, "baselines": {}, "gain": {}}, "ndcg@10")
    assert partial is not None
    assert "tuned" not in partial.plain.replace("untuned", "")


def test_a_blend_has_its_row_its_gain_and_its_shares():
    figures = {"hr@10": 0.2, "ndcg@10": 0.1, "mrr@10": 0.1}
    gain = {"name": "mixture", "ndcg@10": {"value": 0.02, "low": 0.01, "high": 0.03}}
    metrics = {
        "before": figures,
        "after": figures,
        "blend": figures,
        "baselines": {},
        "gain": {"blend": gain},
    }
    shares = {"model_short": 0.2, "model_long": 0.3, "markov": 0.496, "popularity": 0.004}
    text = result_text(metrics, "ndcg@10", shares=shares)
    assert text is not None
    assert "\nblend                0.2000   0.1000   0.1000" in text.plain
    assert "blend, NDCG@10 over mixture: +0.0200" in text.plain
    assert text.plain.endswith("\nblend of model 50%, markov 50%")
    assert "blend" not in result_text({**metrics, "blend": None, "gain": {}}, "ndcg@10").plain
