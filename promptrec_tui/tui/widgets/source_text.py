"""How a source would be imported, as text in a form: format and why, columns, first rows, what is wrong."""

from typing import TYPE_CHECKING

from rich.text import Text

from promptrec_tui.text import clean
from promptrec_tui.tui.glyphs import Glyphs
from promptrec_tui.tui.widgets.cells import cut, padded

if TYPE_CHECKING:
    from promptrec_tui.workspace.datasets import Part, Preview

WIDEST_CELL = 24
LEAST_CELL = 4
SOUND = "The first rows are sound. The import looks at all rows before it writes any."


def source_text(preview: "Preview", width: int, glyphs: Glyphs) -> Text:
    """The whole preview in `width` cells; what would end the import comes first."""
    text = Text()
    for problem in preview.problems:
        text.append(f"{clean(problem)}\n", "bold red")
    if preview.format:
        text.append(preview.format, "bold")
        text.append(f": {clean(preview.why)}\n")
    for part in preview.parts:
        text.append(_part_text(part, width, glyphs))
    for note in preview.notes:
        text.append(f"{clean(note)}\n", "dim")
    if preview.parts and not preview.problems:
        text.append(SOUND, "green")
    text.rstrip()
    return text


def _part_text(part: "Part", width: int, glyphs: Glyphs) -> Text:
    fields = {column: field for field, column in part.mapping.items()}
    text = Text(f"{clean(part.content)}, {clean(part.file)}\n", "bold")
    lines = [part.columns, tuple(fields.get(column, "") for column in part.columns), *part.rows]
    widths = [min(max(len(line[index]) for line in lines), WIDEST_CELL) for index in range(len(part.columns))]
    shown = len(widths)
    while shown > 1 and sum(widths[:shown]) + 2 * shown > width:
        shown -= 1
    for number, line in enumerate(lines):
        sized = zip(line[:shown], widths[:shown], strict=True)
        cells = [padded(cell, max(size, LEAST_CELL), glyphs.more) for cell, size in sized]
        style = ("bold", "cyan")[number] if number < 2 else ""
        text.append(cut("  ".join(cells), width, glyphs.more) + "\n", style)
    return text
