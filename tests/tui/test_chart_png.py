"""Charts as PNG pictures, where resvg is installed."""

import struct
import sys

import pytest

from promptrec_tui.errors import UserError
from promptrec_tui.tui.widgets import chart_png
from promptrec_tui.tui.widgets.chart import Chart, Series
from promptrec_tui.tui.widgets.chart_png import ZOOM, png_of
from promptrec_tui.tui.widgets.chart_svg import HEIGHT, LEGEND_LINE, WIDTH, svg_of

CHART = Chart("loss", (Series("train", [(0, 1.0), (50, 0.5)]),))


def test_a_machine_without_resvg_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(UserError, match=r"pip install 'promptrec-tui\[png\]', or export SVG\.$"):
        png_of(svg_of(CHART))


def test_a_picture_has_the_size_and_the_texts_of_the_svg() -> None:
    pytest.importorskip("resvg_py", reason="resvg-py is not installed")
    picture = png_of(svg_of(CHART))
    assert picture.startswith(b"\x89PNG\r\n")
    assert struct.unpack(">II", picture[16:24]) == (WIDTH * ZOOM, HEIGHT * ZOOM)
    # Text that no font draws would leave the same picture.
    other = svg_of(CHART).replace(">loss</text>", ">gain</text>")
    assert other != svg_of(CHART)
    assert png_of(other) != picture


def test_a_machine_without_fonts_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("resvg_py", reason="resvg-py is not installed")
    monkeypatch.setattr(chart_png, "FAMILIES", ("No such font",))
    with pytest.raises(UserError, match="None of the fonts No such font is on this machine"):
        png_of(svg_of(CHART))


def test_names_that_are_too_many_for_a_line_take_another_one() -> None:
    series = tuple(Series(f"a run with a long name {number}", [(0, 1.0), (9, 0.5)]) for number in range(6))
    picture = svg_of(Chart("curves", series))
    assert f'height="{HEIGHT + LEGEND_LINE}"' in picture
    assert f'<g transform="translate(0 {LEGEND_LINE})">' in picture
    assert "translate(0 0)" in svg_of(CHART)
