import pytest

from promptrec_tui.cli.settings import limits, rules
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


def test_limits_are_attributes_and_numbers() -> None:
    assert limits("--at-most", ["genre=2", "shop = 10"]) == {"genre": 2, "shop": 10}
    for wrong in ("genre=0", "genre=two", "genre=-1"):
        with pytest.raises(UserError, match="is not A=N: write for example --at-most genre=2"):
            limits("--at-most", [wrong])
