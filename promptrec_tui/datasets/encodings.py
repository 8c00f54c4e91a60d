"""Text files and their encodings: as given, never guessed silently."""

import codecs
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from promptrec_tui.datasets.faults import located, quoted, shown_name
from promptrec_tui.datasets.tables import Tick
from promptrec_tui.errors import UserError
from promptrec_tui.text import clean

ENCODINGS = {
    "utf-8": "utf-8-sig",
    "utf-16": "utf-16",
    "utf-16-le": "utf-16-le",
    "utf-16-be": "utf-16-be",
    "cp1252": "cp1252",
    "latin-1": "latin-1",
    "gb18030": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "euc-kr": "cp949",
    "cp1251": "cp1251",
}
"""The encodings by their names in the options; the values are Python's names for them."""

ALIASES = {
    "utf-8-sig": "utf-8", "iso8859-1": "latin-1", "ascii": "utf-8", "gbk": "gb18030", "gb2312": "gb18030",
    "big5hkscs": "big5", "cp950": "big5", "cp932": "shift_jis", "euc_kr": "euc-kr", "cp949": "euc-kr",
}  # fmt: skip
"""Other encodings, as Python's registry names them, by the known one that reads the same text."""

LINE_LIMIT = 1 << 24
TICK_LINES = 4096
SAMPLE = 1 << 16
WINDOWS_BYTES = re.compile(rb"[\x80-\x9f]")
HIGH_RUNS = re.compile(rb"[\x80-\xff]+")
UTF8_MARK = b"\xef\xbb\xbf"

SIGNATURES = {
    b"PK\x03\x04": "a zip archive",
    b"\x1f\x8b": "a gzip archive",
    b"PAR1": "a Parquet file",
    b"SQLite format 3": "an SQLite database",
    b"\xd0\xcf\x11\xe0": "an old workbook of Excel (save its sheet as CSV)",
    b"\x80\x04\x95": "a pickle of Python",
    b"\x93NUMPY": "an array of NumPy",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"\x28\xb5\x2f\xfd": "a zstd archive",
    b"version https://git-lfs": "a pointer of Git LFS, not the data (git lfs pull fetches them)",
    b"<!DOCTYPE": "a web page",
    b"<html": "a web page",
}
"""What files begin with that hold no rows of text."""


def check_encoding(encoding: str) -> str:
    """The name of a known encoding, for any name that Python's registry has for it.

    Raises UserError for an encoding that is not known.
    """
    name = encoding.strip().lower()
    if name in ENCODINGS:
        return name
    try:
        registered = codecs.lookup(name).name
    except (LookupError, ValueError):
        registered = ""
    known = next((ours for ours in ENCODINGS if codecs.lookup(ours).name == registered), "")
    if known := known or ALIASES.get(registered, ""):
        return known
    listed = ", ".join(ENCODINGS)
    raise UserError(f"The encoding {quoted(encoding)} is not known. Encodings: {listed}.")


def open_binary(path: Path) -> BinaryIO:
    """The file for reading bytes. Raises UserError when it cannot be opened."""
    try:
        return open(path, "rb")
    except OSError as error:
        raise UserError(f"Cannot read {clean(str(path))}: {error.strerror}. Check path and rights.") from None


def head(path: Path, size: int = SAMPLE) -> bytes:
    """The first bytes of a file."""
    with open_binary(path) as file:
        return file.read(size)


def read_lines(path: Path, encoding: str, tick: Tick | None = None, limit: int = LINE_LIMIT) -> Iterator[str]:
    """The lines of a text file with their ends.

    Raises UserError, with line and column, where a byte does not fit the encoding, and for a NUL character
    or a line beyond the limit.
    """
    with open_binary(path) as file:
        size = os.fstat(file.fileno()).st_size
        text = io.TextIOWrapper(file, ENCODINGS[encoding], newline="")
        try:
            number = 0
            while line := text.readline(limit):
                number += 1
                if "\0" in line:
                    raise _nul(path, number, encoding)
                if len(line) >= limit:
                    raise located(path, number, f"it has {limit:,} characters or more. Break it into lines")
                if tick and number % TICK_LINES == 0:
                    tick(file.tell(), size)
                yield line
        except UnicodeDecodeError:
            raise _unreadable(path, encoding) from None
        except UnicodeError:
            raise UserError(
                f"{shown_name(path)} does not begin with the byte order mark of UTF-16. "
                "Choose another encoding, or save the file as UTF-8."
            ) from None
        if tick:
            tick(size, size)


def check_text(path: Path) -> None:
    """Raise UserError for a file that begins as one of SIGNATURES does."""
    start = head(path, 64)
    for signature, kind in SIGNATURES.items():
        if start.startswith(signature):
            raise UserError(f"{shown_name(path)} looks like {kind}. Give a text file, or say its format.")


def mark_note(path: Path, encoding: str) -> tuple[str, ...]:
    """A note about a byte order mark, if the file begins with one."""
    if encoding == "utf-8" and head(path, len(UTF8_MARK)) == UTF8_MARK:
        return (f"{shown_name(path)} begins with a byte order mark, which was left out.",)
    return ()


def likely_encoding(data: bytes) -> str:
    """The encoding that bytes which are not UTF-8 are probably in."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" in data[:64]:
        # Without a mark: of Latin letters the upper byte is the empty one.
        return "utf-16-le" if data[1:64:2].count(0) > data[:64:2].count(0) else "utf-16-be"
    # Chinese characters are pairs of high bytes; accented letters of Latin-1 mostly stand alone.
    runs = [len(run) for run in HIGH_RUNS.findall(data[: SAMPLE - 1])]
    paired = sum(length % 2 == 0 for length in runs)
    if runs and paired > 0.9 * len(runs):
        return "gb18030"
    # Windows writes its quotes, dashes and the euro as bytes that are control characters in Latin-1.
    return "cp1252" if WINDOWS_BYTES.search(data) else "latin-1"


def _nul(path: Path, number: int, encoding: str) -> UserError:
    check_text(path)
    if encoding != "utf-16" and number == 1 and head(path, 64).count(b"\0") > 8:
        near = likely_encoding(head(path))
        return UserError(f"{shown_name(path)} looks like UTF-16 text. Read it with the encoding {near}.")
    return located(path, number, "there is a NUL byte. Save the file as plain text")


def _unreadable(path: Path, encoding: str) -> UserError:
    check_text(path)
    start = head(path)
    line, column, byte = _first_unreadable(path, ENCODINGS[encoding])
    spelt = encoding.upper()
    if encoding != "utf-8":
        advice = f"Choose another encoding than {encoding}, or mend the file"
    else:
        near = likely_encoding(start)
        advice = f"It looks like {near}: choose the encoding {near}, or save the file as UTF-8"
    return located(path, line, f"column {column} has the byte 0x{byte:02x}, which is not {spelt}. {advice}")


def _first_unreadable(path: Path, codec: str) -> tuple[int, int, int]:
    """Line, column (both from 1) and value of the first byte that cannot be decoded."""
    decoder = codecs.getincrementaldecoder(codec)()
    line = column = 1
    with open_binary(path) as file:
        while True:
            data = file.read(SAMPLE)
            state = decoder.getstate()
            try:
                text = decoder.decode(data, final=not data)
            except UnicodeDecodeError as error:
                decoder.setstate(state)
                text, byte = _up_to_fault(decoder, data, error)
            else:
                byte = -1
            newlines = text.count("\n")
            line += newlines
            column = len(text) - text.rfind("\n") if newlines else column + len(text)
            if byte >= 0 or not data:
                return line, column, max(byte, 0)


def _up_to_fault(
    decoder: codecs.IncrementalDecoder, data: bytes, error: UnicodeDecodeError
) -> tuple[str, int]:
    """The text before the fault, and the byte at it."""
    text = []
    for position in range(len(data)):
        try:
            text.append(decoder.decode(data[position : position + 1]))
        except UnicodeDecodeError as inner:
            return "".join(text), inner.object[inner.start]
    return "".join(text), error.object[error.start]
