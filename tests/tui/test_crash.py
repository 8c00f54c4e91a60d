"""An unexpected end: the terminal is given back, texts are kept, and the report has no data."""

import sys
import termios
from pathlib import Path
from typing import Any

from promptrec_tui.home import Home
from promptrec_tui.tui.crash import last_words, report
from promptrec_tui.workspace.drafts import NEW, find_draft
from promptrec_tui.workspace.opening import opened

BROKEN = """
import sys
from promptrec_tui.__main__ import main
from promptrec_tui.tui.screens.edit_template import EditTemplateScreen

def break_down(screen):
    title = "Heat (1995) of " + screen.template.prompt
    raise KeyError(title)

EditTemplateScreen.action_next_wrap = break_down
sys.argv = ["promptrec"]
main()
"""


def test_a_broken_app_keeps_what_was_typed_and_says_where_its_report_is(
    full_home: Home, open_terminal: Any
) -> None:
    terminal = open_terminal(home=full_home, through=[sys.executable, "-c", BROKEN])
    terminal.until("first")
    terminal.press("3")
    terminal.until("The Matrix")
    terminal.press("n")
    terminal.until("esc")  # the hint of a field with the focus
    # What was typed last is not in the draft yet.
    terminal.press("secret words\x1b[19~")  # f8
    assert terminal.wait() == 1
    shown = terminal.sent.rpartition(b"\x1b[?1049l")[2].decode()
    assert "Unexpected KeyError" in shown
    assert "Runs go on without the app." in shown
    assert "Traceback" not in shown
    modes = termios.tcgetattr(terminal.end)
    assert modes[3] & termios.ICANON
    assert modes[3] & termios.ECHO

    (path,) = full_home.crashes.iterdir()
    assert str(path) in shown.replace("\r\n", "")
    text = path.read_text()
    assert "builtins.KeyError" in text
    assert "EditTemplateScreen" in text
    assert "80x24" in text
    for value in ("Heat", "secret", "films", str(full_home.root), str(Path.home())):
        assert value not in text, value
    assert path.stat().st_mode & 0o077 == 0
    with opened(full_home) as workspace:
        draft = find_draft(workspace, NEW)
    assert draft is not None
    assert "secret words" in draft.template.prompt


def test_the_report_tells_the_chain_and_our_code_but_no_message(tmp_path: Path) -> None:
    def inner() -> None:
        Path("/home/somebody/titles of films.csv").read_text()

    try:
        try:
            inner()
        except OSError as error:
            raise ValueError("The Matrix (1999)") from error
    except ValueError as error:
        text = report(error, None)
    assert text.index("builtins.ValueError") < text.index("after builtins.FileNotFoundError")
    assert "in inner" in text
    assert "Matrix" not in text
    assert "somebody" not in text
    assert str(Path(__file__).parent) not in text


def test_without_room_for_a_report_the_sentence_says_so(tmp_path: Path) -> None:
    said = last_words(RuntimeError("x"), Home(tmp_path / "none"))
    assert said == "Unexpected RuntimeError: its report could not be written. Runs go on without the app."
