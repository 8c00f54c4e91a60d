"""The data of a run's screen."""

from promptrec_tui.tui.widgets.result_text import weakest_text
from promptrec_tui.workspace.run_views import WEAKEST, weakest_labels


def figures(f1: float, support: int = 10) -> dict[str, float]:
    return {"precision": f1, "recall": f1, "f1": f1, "support": support}


def test_labels_with_the_lowest_f1_are_listed_the_most_frequent_first() -> None:
    per_class = {"fine": figures(0.9), "rare": figures(0.1, 2), "often": figures(0.1, 90)}
    per_class |= {f"label {number}": figures(0.5 + number / 100) for number in range(WEAKEST)}
    weakest = weakest_labels({"per_class": per_class})
    assert [label.label for label in weakest] == ["often", "rare", "label 0", "label 1", "label 2"]
    assert weakest[0].support == 90


def test_a_ranking_run_has_no_labels() -> None:
    assert weakest_labels({"metrics": {}}) == ()


def test_the_table_of_weak_labels_has_no_control_characters() -> None:
    (line,) = weakest_text(weakest_labels({"per_class": {"a\x1b[2Jb": figures(0.25)}})).plain.split("\n")[1:]
    assert line.split()[-4:] == ["0.2500", "0.2500", "0.2500", "10"]
    assert "\x1b" not in line
