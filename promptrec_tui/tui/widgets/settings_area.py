"""A field for `key=value` lines that completes the keys, and searches them by what they are for."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.widgets import TextArea

if TYPE_CHECKING:
    from promptrec_tui.workspace.settings import SettingRow


class SettingsArea(TextArea):
    """Give it `rows`, the settings it knows. `right` at the end of a line takes the completion."""

    rows: "Sequence[SettingRow]" = ()

    @property
    def line(self) -> str:
        """The line of the cursor."""
        return self.document.get_line(self.cursor_location[0])

    @property
    def _at_end(self) -> bool:
        return self.cursor_location[1] == len(self.line)

    def update_suggestion(self) -> None:
        self.suggestion = completion(self.line, self.rows) if self._at_end else ""

    def action_cursor_right(self, select: bool = False) -> None:
        """Take the completion, or the first setting whose purpose has the words of the line."""
        matches = matching(self.line, self.rows)
        if matches and self._at_end and not self.suggestion and not select:
            row = self.cursor_location[0]
            self.replace(f"{matches[0].key}=", (row, 0), (row, len(self.line)))
        else:
            super().action_cursor_right(select)


def matching(line: str, rows: "Sequence[SettingRow]") -> "list[SettingRow]":
    """The settings that a line without a value may mean: its words are in the key, else in the purpose."""
    words = line.lower().split()
    if not words or "=" in line or line.lstrip().startswith("#"):
        return []
    by_key = [row for row in rows if all(word in row.key for word in words)]
    return by_key or [row for row in rows if all(word in row.why.lower() for word in words)]


def completion(line: str, rows: "Sequence[SettingRow]") -> str:
    """What completes a line: the rest of a key, or the default after its equals sign."""
    key, equals, value = line.partition("=")
    if equals:
        return next((row.default for row in rows if row.key == key.strip() and not value), "")
    matches = [row.key for row in rows if line.strip() and row.key.startswith(line.lstrip())]
    return f"{matches[0][len(line.lstrip()) :]}=" if matches else ""
