"""Terminals with 16 colours, with none, and with ASCII only: signs carry what colours cannot."""

import pytest

from promptrec_tui.tui.app import PromptrecApp
from promptrec_tui.tui.glyphs import needs_ascii
from promptrec_tui.tui.widgets.chart import Chart, Series
from promptrec_tui.tui.widgets.plot import draw_chart
from promptrec_tui.tui.widgets.run_table import RunTable


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        ({"LANG": "en_US.UTF-8"}, False),
        ({"LANG": "zh_CN.utf8"}, False),
        ({"LANG": "en_US"}, False),
        ({"LANG": "C"}, True),
        ({"LANG": "POSIX"}, True),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, True),
        ({"LANG": "C", "LC_ALL": "C.UTF-8"}, False),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "C"}, True),
        ({"LANG": "en_US.UTF-8", "LC_CTYPE": "C"}, True),
        ({"LANG": "de_DE.ISO-8859-1@euro"}, True),
        ({"LANG": "zh_CN.GB18030"}, True),
        ({"LANG": "en_US.UTF-8", "TERM": "linux"}, True),
        ({"LANG": "en_US.UTF-8", "TERM": "dumb"}, True),
        ({"LANG": "en_US.UTF-8", "TERM": "xterm-256color"}, False),
    ],
)
def test_a_terminal_without_utf8_gets_ascii(environment, expected):
    assert needs_ascii(environment) is expected


async def test_bars_cursor_and_keys_are_told_without_colour(full_home, monkeypatch, until, screen_text):
    monkeypatch.setenv("NO_COLOR", "1")
    app = PromptrecApp(full_home)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.runs)
        table = app.screen.query_one(RunTable)
        assert "<1 Runs>" in screen_text(app)
        assert "<2 Data>" not in screen_text(app)
        assert app.screen.query_one("TopBar").styles.text_style.reverse
        assert table.get_component_styles("view--cursor").text_style.reverse
        # The finished run cannot be paused: with colours the key would be dim.
        table.choose("aaaa0001")
        await pilot.pause()
        line = screen_text(app).splitlines()[-1]
        assert "enter open" in line
        assert "p pause" not in line


@pytest.mark.parametrize(("term", "few"), [("xterm", True), ("xterm-256color", False)])
def test_a_terminal_of_16_colours_has_the_theme_for_it(full_home, open_terminal, term, few):
    app = open_terminal(home=full_home, environment={"TERM": term, "COLORTERM": ""})
    app.until(" quit" if few else "p pause")
    assert (b"<1 Runs>" in app.sent) is few
    assert (b"p pause" in app.sent) is not few
    assert (b"\x1b[38;5;" in app.sent) is not few
    app.press("q")
    assert app.wait() == 0


@pytest.mark.parametrize("ascii_only", [False, True])
def test_two_curves_differ_without_colour(ascii_only):
    points = [(0, 1.0), (100, 1.0)]
    both = Chart("loss", (Series("train", points), Series("validation", [(x, y + 1) for x, y in points])))
    legend, *rows = ["".join(char for char, _ in row) for row in draw_chart(both, 60, 14, ascii_only)]
    signs = [legend[legend.index(name) - 2] for name in ("train", "validation")]
    assert len(set(signs)) == 2
    drawn = [row.lstrip(" 0123456789.")[1:].strip() for row in rows[:-2]]
    curves = [marks for marks in drawn if marks]
    assert len(curves) == 2
    assert curves[0] != curves[1]
