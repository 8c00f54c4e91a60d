"""`E` lends the terminal to the person's own editor, and takes what it wrote."""

import sys
from pathlib import Path

from promptrec_tui.workspace.opening import opened
from promptrec_tui.workspace.templates import find_template

EDITOR = """
import sys
from pathlib import Path
path = Path(sys.argv[-1])
assert path.stat().st_mode & 0o077 == 0
path.write_text(path.read_text().replace("prompt = '''\\n", "prompt = '''\\nOutside: "))
"""


def test_what_another_editor_wrote_is_rendered_and_saved(shop_home, open_terminal, tmp_path: Path):
    script = tmp_path / "editor.py"
    script.write_text(EDITOR)
    editor = {"VISUAL": "", "EDITOR": f"{sys.executable} {script}"}
    app = open_terminal(home=shop_home, environment=editor)
    app.until("palette")
    app.press("3")
    app.until("next-film-zh")
    app.until("tokens ")
    app.press("E")
    app.until("Outside: ")
    app.press("\x13")
    app.until("Saved my-list, version 1.")
    app.press("\x11")
    assert app.wait() == 0
    with opened(shop_home) as workspace:
        assert find_template(workspace, "my-list").prompt.startswith("Outside: ")
    assert not list((shop_home.root / "drafts").iterdir())
