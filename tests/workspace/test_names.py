"""Names that people give."""

import pytest

from promptrec_tui.errors import UserError
from promptrec_tui.workspace.names import check_name, free_name


@pytest.mark.parametrize("name", ["films", "电影 2", "a-b_c.d", "[/INST]"])
def test_a_new_printable_name_is_fine(name: str) -> None:
    check_name("dataset", name, ["other"])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "Give the dataset a name"),
        ("  ", "Give the dataset a name"),
        ("a\x1b[31m", "control characters"),
        (" a", "outer spaces"),
        ("a@2", "leave it out"),
        ("taken", "exists already"),
        ("x" * 81, "shorten it"),
    ],
)
def test_others_are_refused_with_the_reason(name: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        check_name("dataset", name, ["taken"])


def test_a_free_name_counts_on() -> None:
    assert free_name("run", []) == "run"
    assert free_name("run", ["run", "run-2"]) == "run-3"
