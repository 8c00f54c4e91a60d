"""Runs side by side as text: letters, colours, what differs, figures. Pure."""

from promptrec_tui.home import Home
from promptrec_tui.tui.glyphs import UNICODE
from promptrec_tui.tui.widgets.compare_curves import cases_range
from promptrec_tui.tui.widgets.compare_figures import figures_text
from promptrec_tui.tui.widgets.compare_text import COLOURS, LETTERS, Letters, differs_text
from promptrec_tui.workspace.compare import compare_runs
from promptrec_tui.workspace.comparison import Comparison
from promptrec_tui.workspace.differences import Differences
from promptrec_tui.workspace.opening import opened
from tests.compared import write_ranks

MANY = [f"run {number}" for number in range(len(LETTERS))]
USERS = [f"u{number}" for number in range(40)]


def compared(home: Home, *names: str) -> Comparison:
    with opened(home) as workspace:
        return compare_runs(workspace, names, baseline=names[0])


def test_each_of_many_runs_has_a_letter_and_those_that_are_drawn_a_colour() -> None:
    letters = Letters(MANY, "run 30", UNICODE, "run 9")
    assert len({letters.letter(name) for name in MANY}) == len(MANY) >= 50
    assert letters.drawn == ("run 0", "run 1", "run 2", "run 3", "run 9", "run 30")
    assert letters.left_out == len(MANY) - len(COLOURS)
    styles = [str(letters.styled(name).spans[0].style) for name in letters.drawn]
    assert [style.split()[1] for style in styles] == list(COLOURS)
    assert str(letters.styled("run 4").spans[0].style) == "bold"
    assert "e run 30 ★ baseline" in letters.legend().plain
    assert letters.legend().plain.endswith("and 46 more in Metrics")


def test_few_runs_are_all_drawn_in_their_order() -> None:
    letters = Letters(MANY[:6], "run 5", UNICODE, "run 2")
    assert letters.drawn == tuple(MANY[:6])
    assert letters.left_out == 0
    assert "more" not in letters.legend().plain


def test_what_differs_between_many_runs_is_listed_by_value() -> None:
    rates = {name: 0.5 if name == "run 7" else 0.25 for name in MANY[:9]}
    diff = ("--- a", "+++ b")
    differs = Differences({}, {"train.learning_rate": rates}, {}, {}, {"run 1": diff, "run 8": diff})
    text = differs_text(differs, Letters(MANY[:9], "run 0", UNICODE), 58).plain
    lines = [line.split() for line in text.splitlines()]
    assert lines[:3] == [["train.learning_rate"], ["0.25", *"ABCDEFGI"], ["0.5", "H"]]
    # One diff for all runs that have it.
    assert text.count("+++ b") == 1
    assert "template, from A to B I" in text
    assert max(map(len, text.splitlines())) <= 58


def test_figures_of_few_users_have_two_digits_and_an_interval(home: Home) -> None:
    write_ranks(home, "a", dict.fromkeys(USERS, 6.0), blend=dict.fromkeys(USERS, 1.0))
    write_ranks(home, "b", {user: 1.0 + number % 3 for number, user in enumerate(USERS)})
    comparison = compared(home, "b", "a")
    letters = Letters(("b", "a"), "b", UNICODE, "a")
    lines = figures_text(comparison, letters, 78).plain.splitlines()
    assert lines[0] == comparison.caption
    assert lines[1].split() == ["HR@10", "NDCG@10", "MRR@10", "MRR", "NDCG@10", "95%"]
    assert lines[2].split() == ["A", "b", "1.00", "0.72", "0.62", "0.62", "0.56", "to", "0.83"]
    rows = [line.split() for line in lines[3:7]]
    # A run without a blend has empty cells where another run has one.
    assert rows[0] == ["blend", "-", "-", "-", "-"]
    assert rows[2][:5] == ["blend", "1.00", "1.00", "1.00", "1.00"]
    assert any(line.split()[:5] == ["B", "blend", "minus", "A", "+0.28"] for line in lines)
    assert all(len(line) <= 78 for line in lines[1:])
    narrow = figures_text(comparison, letters, 58).plain.splitlines()
    assert narrow[1].split() == ["HR@10", "NDCG@10", "NDCG@10", "95%"]


def test_figures_of_many_users_have_digits_and_no_interval(home: Home) -> None:
    users = [f"u{number}" for number in range(120)]
    write_ranks(home, "a", {user: 1.0 + number % 7 for number, user in enumerate(users)})
    write_ranks(home, "b", {user: 1.0 + number % 5 for number, user in enumerate(users)})
    lines = figures_text(
        compared(home, "a", "b"), Letters(("a", "b"), "a", UNICODE, "b"), 78
    ).plain.splitlines()
    assert lines[2].split()[:3] == ["A", "a", "1.000"]
    assert "95%" not in lines[1]
    # One pair: its metrics one below the other.
    assert lines[5].startswith("B minus A, 95 % intervals of the same users")
    assert [line.split()[0] for line in lines[6:10]] == ["HR@10", "NDCG@10", "MRR@10", "MRR"]


def test_cases_of_the_curves() -> None:
    assert cases_range({}, "user") == ""
    assert cases_range({"a": 25, "b": 25}, "user") == ", 25 users"
    assert cases_range({"a": 1200, "b": 25}, "text") == ", 25 to 1,200 texts"
