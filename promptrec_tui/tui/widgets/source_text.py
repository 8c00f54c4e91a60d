"""The preview of an import as text in a form: format with the reason, columns, first rows, errors."""

from typing import TYPE_CHECKING

from rich.text import Text

from promptrec_tui.text import clean
from promptrec_tui.tui.glyphs import Glyphs
from promptrec_tui.tui.widgets.cells import cut, padded

if TYPE_CHECKING:
    from promptrec_tui.workspace.datasets import Part, Preview

WIDEST_CELL = 24
LEAST_CELL = 4
SOUND = "The first rows are valid. The import checks all rows before it writes any."


def source_text(preview: "Preview", width: int, rows: int, glyphs: Glyphs) -> Text:
    """The preview in `width` cells, with at most that many rows per table; errors come first."""
    text = Text()
    for problem in preview.problems:
        text.append(f"{clean(problem)}\n", "bold red")
    if preview.parts and not preview.problems:
        text.append(f"{SOUND}\n", "green")
    if preview.format:
        text.append(preview.format, "bold")
        text.append(f": {clean(preview.why)}\n")
    for note in preview.notes:
        text.append(f"{clean(note)}\n", "dim")
    for part in preview.parts:
        text.append(_part_text(part, width, rows, glyphs))
    text.rstrip()
    return text


def _part_text(part: "Part", width: int, rows: int, glyphs: Glyphs) -> Text:
    fields = {column: field for field, column in part.mapping.items()}
    names = tuple(
        f"{column} {glyphs.arrow} {fields[column]}" if column in fields else column for column in part.columns
    )
    lines = (names, *part.rows[:rows])
    widths = [min(max(len(line[index]) for line in lines), WIDEST_CELL) for index in range(len(names))]
    shown = len(widths)
    while shown > 1 and sum(widths[:shown]) + 2 * shown > width:
        shown -= 1
    text = Text(f"{clean(part.content)}, {clean(part.file)}\n", "bold")
    for number, line in enumerate(lines):
        sized = zip(line[:shown], widths[:shown], strict=True)
        cells = [padded(cell, max(size, LEAST_CELL), glyphs.more) for cell, size in sized]
        text.append(cut("  ".join(cells), width, glyphs.more) + "\n", "" if number else "cyan")
    return text
