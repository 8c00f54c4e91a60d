"""The copy key takes the thing under the cursor."""

import base64
import re
from pathlib import Path
from typing import Any

from promptrec_tui.home import Home
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.tui import copying
from promptrec_tui.tui.app import PromptrecApp
from promptrec_tui.tui.screens.run import RunScreen
from tests.waiting import until, wait_for


async def test_y_copies_names_cells_lines_and_texts(full_home: Home) -> None:
    RunFolder(full_home.runs / "aaaa0002").attempt(1).log.write_text("a\x1b[31m [/INST] line\x1b[0m\n")
    app = PromptrecApp(full_home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:

        async def copies(*keys: str) -> str:
            await pilot.press(*keys)
            full_home.clipboard.unlink(missing_ok=True)
            await pilot.press("y")
            await until(pilot, full_home.clipboard.exists)
            await until(pilot, lambda: app._notifications)
            assert app.clipboard == full_home.clipboard.read_text()
            return app.clipboard

        await until(pilot, lambda: app.runs)
        await until(pilot, lambda: app.screen.present_run)
        assert await copies("G") in ("first", "第二次 [/INST]")
        app.open_run("aaaa0002")
        await until(pilot, lambda: isinstance(app.screen, RunScreen) and app.screen.has_class("-loaded"))
        assert (await copies()).startswith("loss  ━ train ")
        assert "step 5 " in await copies("0")
        assert (await copies("]")).startswith("user u1")
        await pilot.press("L")
        await until(pilot, lambda: app.screen.query_one("#log LineView").lines)
        assert await copies() == "a [/INST] line"
        assert await copies("[", "g") == "第二次 [/INST] (aaaa0002)"
        full_home.clipboard.unlink()
        await pilot.press("f5")
        await until(pilot, full_home.clipboard.exists)
        assert app.clipboard.startswith("promptrec run start --name '第二次 [/INST]' ")

        await pilot.press("2")
        await until(pilot, lambda: app.screen.has_class("-filled"))
        assert await copies() == "films"
        await pilot.press("enter")
        await until(pilot, lambda: app.screen.query_one("#users").chosen)
        assert await copies() == "u0"
        await until(pilot, lambda: app.screen.query_one("#history").chosen)
        assert await copies("enter") == "The Matrix"
        await pilot.press("3")
        await until(pilot, lambda: app.screen.has_class("-filled"))
        name = await copies()
        assert f'name = "{name}"' in await copies("tab")


async def test_a_text_that_is_too_long_for_terminals_is_in_the_file(full_home: Home) -> None:
    app = PromptrecApp(full_home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: app.runs)
        text = "x\t1\n" * copying.LONGEST
        await copying.copy(app, full_home, copying.Copied("prompt", text))
        assert full_home.clipboard.read_text() == text
        assert app.clipboard == ""
        await until(pilot, lambda: app._notifications)
        assert "too long" in next(iter(app._notifications)).message


def test_the_terminal_gets_the_text(full_home: Home, open_terminal: Any) -> None:
    terminal = open_terminal(home=full_home)
    terminal.until("Runs")
    terminal.until("first")
    terminal.press("y")
    wait_for(full_home.clipboard.exists)
    terminal.until("Copied")
    (sent,) = re.findall(rb"\x1b\]52;c;([A-Za-z0-9+/=]+)\x07", terminal.sent)
    assert base64.b64decode(sent).decode() == full_home.clipboard.read_text()
    assert Path(full_home.clipboard).stat().st_mode & 0o077 == 0
