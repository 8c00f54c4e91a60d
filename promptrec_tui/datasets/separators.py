"""Which separator parts the fields of a delimited file: judged by many lines, not by the first alone."""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from promptrec_tui.datasets.columns import usual_names
from promptrec_tui.datasets.encodings import read_lines
from promptrec_tui.datasets.faults import located, quoted, shown_name
from promptrec_tui.errors import UserError

SEPARATORS = {"comma": ",", "tab": "\t", "semicolon": ";", "bar": "|", "colons": "::", "space": " "}
"""By their names in the option; any other mark may be given as it is."""

PLURALS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars", "::": "double colons", " ": "spaces"}
JUDGED = (",", "\t", ";", "|", "::")
OTHERS = (" ", "^", "~", ":", "#")
"""Marks that are suggested where none of the usual ones parts a line, and never taken unasked."""

SURE = ("\t", "::")
"""Marks that are rare inside texts."""

STRICT = (",", ";")
"""Marks between which a quote always encloses: one that is not closed is a fault."""

SAMPLE_LINES, SAMPLE_CHARACTERS = 100, 1 << 20
AGREE = 0.9
LONGEST_MARK = 8
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
"""The first line in which Excel names the separator."""


@dataclass(frozen=True)
class Parting:
    """How a mark parts lines: the fields of the first one, and how many nine in ten of the `others` have.

    `rows` is 0 where no nine in ten agree.
    """

    mark: str
    first: tuple[str, ...]
    rows: int
    others: int

    @property
    def width(self) -> int:
        """How many fields the first line has."""
        return len(self.first)

    @property
    def fits(self) -> bool:
        """Do first line and others have the same number of fields, two at least?"""
        return self.width > 1 and (self.rows == self.width or not self.others)


def check_separator(text: str) -> str:
    """The mark that a name of SEPARATORS or the text itself means; empty for "auto" and for nothing.

    Raises UserError for what cannot part fields.
    """
    if text in ("", "auto"):
        return ""
    mark = SEPARATORS.get(text.lower(), "\t" if text == "\\t" else text)
    if len(mark) > LONGEST_MARK or any(char.isalnum() or char in '"\r\n\0' for char in mark):
        names = ", ".join(("auto", *SEPARATORS))
        raise UserError(f"{quoted(text)} is no separator: choose among {names}, or give the mark itself.")
    return mark


def plural(mark: str) -> str:
    """A separator in a sentence, such as "commas"."""
    return PLURALS.get(mark) or f"the separator {quoted(mark)}"


def first_lines(path: Path, encoding: str) -> tuple[int, str, list[str]]:
    """The number of lines before the first row, the separator that they name, and the first lines of rows."""
    declared, before, characters = "", 0, 0
    lines: list[str] = []
    for number, line in enumerate(read_lines(path, encoding)):
        if not declared and not lines and (match := SEPARATOR_LINE.fullmatch(line)):
            declared, before = match[1], number + 1
        elif line.strip():
            lines.append(line)
            characters += len(line)
            if len(lines) == SAMPLE_LINES or characters > SAMPLE_CHARACTERS:
                break
    return before, declared, lines


def likely_separator(lines: Sequence[str]) -> str:
    """The mark that parts most lines into as many fields as the first.

    Of several the one that gives more of the usual names, then one that is hardly ever text, then the one
    with most fields.
    """
    return max((part(lines, mark) for mark in JUDGED), key=_rank).mark


def part(lines: Sequence[str], mark: str) -> Parting:
    """How `mark` parts these lines, of which there is at least one.

    Quotes enclose fields; between tabs and the like they may be text, where that fits better.
    """
    first, *others = (line.rstrip("\r\n") for line in lines)
    plain = _parting(mark, first.split(mark), [line.count(mark) + 1 for line in others])
    if len(mark) > 1 or not any('"' in line for line in lines):
        return plain
    try:
        # The last one may go on beyond the lines.
        rows = list(csv.reader(lines, delimiter=mark))
        rows = rows[:-1] if len(rows) > 2 else rows
    except csv.Error:
        return plain
    enclosed = _parting(mark, rows[0], [len(row) for row in rows[1:]])
    if mark in STRICT:
        return enclosed
    return max(enclosed, plain, key=lambda parting: (parting.fits, parting.rows > 0))


def spaced(lines: Sequence[str], mark: str) -> bool:
    """Does a space follow each mark in all these lines, as a person writes a list?"""
    parted = [line for line in lines if mark in line]
    return (
        not mark.isspace()
        and len(parted) > 1
        and all(line.count(mark) == line.count(f"{mark} ") for line in parted)
    )


def doubts(path: Path, lines: Sequence[str], mark: str) -> tuple[str, ...]:
    """A note where another separator also splits the lines and no usual column name decides."""
    used = part(lines, mark)
    others = [each for each in (part(lines, other) for other in JUDGED if other != mark) if each.fits]
    if not others or mark in SURE or usual_names(used.first):
        return ()
    best = max(others, key=_rank)
    if best.width <= used.width:
        return ()
    return (
        f"{shown_name(path)} was read with {used.width} fields between {plural(mark)}; {plural(best.mark)} "
        f"would give {best.width}: {option(best.mark)} reads it so.",
    )


def check_parting(path: Path, lines: Sequence[str], line: int, mark: str, named: bool) -> None:
    """Raise UserError for lines that `mark` plainly does not part; `line` is the number of the first.

    `named`: the first one has the names of columns.
    """
    _check_whole_lines(path, lines)
    used = part(lines, mark)
    others = [part(lines, other) for other in (*JUDGED, *OTHERS) if other != mark]
    if used.width < 2:
        # Of a mark that is not usual more than one line has to tell.
        sure = [each for each in others if each.mark in JUDGED or (each.others and all(each.first))]
        if fitting := [each for each in sure if each.fits]:
            best = max(fitting, key=_rank)
            raise UserError(
                f"{shown_name(path)} has 1 field a line between {plural(mark)}, and {best.width} between "
                f"{plural(best.mark)}: say {option(best.mark)}."
            )
    if not named:
        return
    below = [each for each in others if each.mark in JUDGED and each.rows > 1 and each.width == 1]
    if used.width > 1 and used.rows == 1 and below:
        raise located(
            path,
            line,
            f"it has {used.width} names between {plural(mark)}, and the lines below it have {below[0].rows} "
            f"fields between {plural(below[0].mark)}. Write all lines with one separator",
        )
    if used.width == 1 and (lower := [each for each in (used, *below) if each.rows > 1]):
        raise located(
            path,
            line,
            f"it is one text, and the lines below it have {lower[0].rows} fields between "
            f"{plural(lower[0].mark)}. Take out what stands above the names of the columns",
        )
    if used.width > 1 and used.others > 1 and used.rows not in (0, 1, used.width):
        raise located(path, line, _uneven(used, lines))


def option(mark: str) -> str:
    """The command-line option for this separator."""
    names = {known: name for name, known in SEPARATORS.items()}
    return f"--separator {names.get(mark) or quoted(mark)}"


def _uneven(used: Parting, lines: Sequence[str]) -> str:
    fault = f"it names {used.width} columns, and the lines below it have {used.rows} fields"
    if used.rows != used.width + 1:
        return f"{fault}. Give each field a name"
    if all(line.rstrip("\r\n").endswith(used.mark) for line in lines[1:]):
        return f"{fault}, as each ends with a separator. End this line with one too"
    return f"{fault}. If the first field is the row's name, as R writes it, put a name for it in front"


def _check_whole_lines(path: Path, lines: Sequence[str]) -> None:
    inner = [line.strip()[1:-1] for line in lines if re.fullmatch(r'"[^"]*"\s*', line)]
    if len(inner) < len(lines):
        return
    if fitting := [each for each in (part(inner, mark) for mark in JUDGED) if each.fits]:
        best = max(fitting, key=_rank)
        raise UserError(
            f"{shown_name(path)} has each line in quotes as a whole, with {best.width} fields between "
            f"{plural(best.mark)} inside them. Take these quotes out."
        )


def _parting(mark: str, first: Sequence[str], widths: Sequence[int]) -> Parting:
    (rows, count), *_ = Counter(widths).most_common(1) or [(0, 0)]
    agreed = rows if count >= AGREE * len(widths) else 0
    return Parting(mark, tuple(name.strip() for name in first), agreed, len(widths))


def _rank(parting: Parting) -> tuple[bool, bool, int, bool, int]:
    near = parting.width > 1 and parting.rows > 1 and abs(parting.rows - parting.width) == 1
    sure = parting.width > 1 and parting.mark in SURE
    return parting.fits, near, usual_names(parting.first), sure, parting.width
