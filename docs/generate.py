"""The tables of the documentation that the program makes itself: `python docs/generate.py` writes them.

Each stands between `<!-- name -->` and `<!-- /name -->` on a page of this folder; the rest of the page is
written by hand. A test compares pages and program.
"""

import re
from collections.abc import Callable
from pathlib import Path

FOLDER = Path(__file__).parent


def keys() -> str:
    from promptrec_tui.tui.actions import key_table

    return key_table()


def commands() -> str:
    from promptrec_tui.cli.reference import command_table

    return command_table()


def settings() -> str:
    """The keys of `--set`: what they are for, their defaults and what they may be."""
    from promptrec_tui.workspace.settings import setting_rows

    rows = ["| key | what it is for | default | may be |", "|---|---|---|---|"]
    for row in setting_rows():
        default = "–" if row.default == "None" else f"`{row.default}`"
        rows.append(f"| `{row.key}` | {row.why} | {default} | {row.allowed} |")
    return "\n".join(rows)


TABLES: dict[str, tuple[str, Callable[[], str]]] = {
    "keys": ("keys.md", keys),
    "commands": ("commands.md", commands),
    "settings": ("commands.md", settings),
}
"""Name of a table: the page it stands on, and what makes it."""


def with_table(text: str, name: str, table: str) -> str:
    """The text of a page with `table` in the place of the table `name`. Raises ValueError without a place."""
    place = re.compile(rf"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)", re.DOTALL)
    new, count = place.subn(lambda match: match[1] + table.strip("\n") + match[2], text)
    if count != 1:
        raise ValueError(f"the page needs <!-- {name} --> and <!-- /{name} --> once")
    return new


def pages() -> dict[Path, str]:
    """Each page that holds a table, as it should read."""
    texts: dict[Path, str] = {}
    for name, (page, table) in TABLES.items():
        path = FOLDER / page
        texts[path] = with_table(texts.get(path) or path.read_text(encoding="utf-8"), name, table())
    return texts


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
