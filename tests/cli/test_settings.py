from pathlib import Path

import pytest

from promptrec_tui.cli.settings import limits, listed, rules
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


def test_a_list_has_the_lines_that_are_not_blank(tmp_path: Path) -> None:
    path = tmp_path / "blocked.txt"
    path.write_text("\ufeffHeat\r\n\n  千と千尋  \n", "utf-8")
    assert listed("--block-list", path) == ["Heat", "千と千尋"]
    assert listed("--block-list", None) == []
    path.write_bytes(b"caf\xe9\n")
    with pytest.raises(UserError, match=r"^--block-list .*blocked\.txt is not UTF-8 text: save it as UTF-8"):
        listed("--block-list", path)
    with pytest.raises(UserError, match="cannot be read: No such file"):
        listed("--block-list", tmp_path / "none")
