"""The animated picture of the READMEs, and how it is made."""

from pathlib import Path
from xml.etree import ElementTree

from docs.animated_svg import BACK, BASE, FORE, HEIGHT, Cell, Frame, Row, animated_svg

SVG = "{http://www.w3.org/2000/svg}"
PICTURE = Path(__file__).parents[1] / "docs/session.svg"
MOST_BYTES = 400_000


def row(text: str, fore: str = FORE, back: str = BACK) -> Row:
    return tuple(Cell(char, fore, back) for char in text)


def test_a_row_is_drawn_once_and_frames_follow_each_other() -> None:
    same = row("a <b>  c ")
    frames = [Frame((same, row("one      ")), "0:00", 1.0), Frame((same, row("two      ")), "0:09", 3.0)]
    text = animated_svg(frames)
    picture = ElementTree.fromstring(text)
    rows = {group.get("id"): group for group in picture.iter(f"{SVG}g") if group.get("id") != "film"}
    assert len(rows) == 5
    (film,) = (group for group in picture.iter(f"{SVG}g") if group.get("id") == "film")
    placed = [(use.get("href"), int(use.get("y", ""))) for use in film]
    assert [y for _, y in placed] == [line * HEIGHT + BASE for line in range(6)]
    assert placed[0][0] == placed[3][0] != placed[1][0]
    words = [[word.text for word in group.iter(f"{SVG}text")] for group in rows.values()]
    assert words == [["a <b>", "c"], ["one"], ["0:00"], ["two"], ["0:09"]]
    assert f"0.000%{{transform:translateY(-0px)}}25.000%{{transform:translateY(-{3 * HEIGHT}px)}}" in text
    assert "animation:film 4.0s" in text


def test_colours_are_those_of_the_cells() -> None:
    text = animated_svg([Frame((row("ab", "#ff0000", "#00ff00"),), "", 1.0)])
    assert ".c0{fill:#ff0000}" in text
    assert 'class="c0">ab</text>' in text
    assert 'fill="#00ff00"/>' in text


def test_the_picture_is_one_small_file_of_the_simulated_sample() -> None:
    text = PICTURE.read_text(encoding="utf-8")
    assert len(text.encode()) < MOST_BYTES
    assert {child.tag for child in ElementTree.fromstring(text)} == {
        f"{SVG}{tag}" for tag in ("style", "rect", "defs", "svg")
    }
    assert "<script" not in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "sample-run-simulated" in text
