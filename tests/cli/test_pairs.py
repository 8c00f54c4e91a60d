import pytest

from promptrec_tui.cli.pairs import rules
from promptrec_tui.errors import UserError


def test_rules_are_attributes_and_values() -> None:
    assert rules("--require", ["genre = drama", "note=a=b"]) == [("genre", "drama"), ("note", "a=b")]
    assert rules("--require", None) == []


@pytest.mark.parametrize("text", ["drama", "=drama", "genre=", " = "])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(
        UserError, match=r"^--exclude '.*' is not A=V: write for example --exclude genre=drama.$"
    ):
        rules("--exclude", [text])
