"""The bytes that a real terminal gets from every screen with hostile text on it."""

import re
from collections.abc import Callable
from typing import Any

ESC = "\x1b[27u"
"""Escape as newer terminals send it: what follows at once is no part of it."""

# The keys of a walk over every screen.
WALK = (
    *("jj", "c", "/x", ESC, ESC),
    *("\r", "l", "h", "j", "j", "+", "]", "l", "j", "t", "titles", ESC, "]", "L", "g"),
    *("?", ESC, "\x10open", ESC, ESC, "D", "n"),
    *("n", "\t\t", "\r", ESC, "\x12", ESC),
    *("2", "j", "G", "g", "v", "j", "v", "\r", "j", "\r", ESC, ESC, ESC, "D", "n"),
    *("!", "", "]", "j", ESC, "e", "", ESC, ESC),
    *("i", "{source}", "\t", "\x12", "", "", "", ESC, ESC),
    *("3", "G", "k", ")", "d", "m", "e", "", ESC, ESC, "v", "", ESC, "!", "", ESC, "t", "", ESC),
    *("4", "G", "k", "!", "n", "{model}", "\x12", "", "", "", ESC, ESC),
    *("1", "j"),
)

SEQUENCE = re.compile(
    rb"\x1b\[[0-9;:]*m"  # colours
    rb"|\x1b\[\d*(;\d*)?H|\x1b\[\d*[ABCDJK]"  # where to write
    rb"|\x1b\[\?(7|25|1000|1003|1004|1006|1015|1016|1049|2004|2026|2048)[hl]"  # modes
    rb"|\x1b\[\?(2026|2048)\$p|\x1b\[>\d+u|\x1b\[<u"  # what the terminal can do
    rb"|\x1b\]22;[a-z-]+\x07"  # the mouse pointer
)
CONTROL = re.compile("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def capture(open_terminal: Any, place: Any, size: tuple[int, int]) -> bytes:
    """What the app sends on a walk over every screen."""
    terminal = open_terminal(home=place.home, size=size)
    terminal.until("Runs")
    terminal.read(0.5)
    for keys in WALK:
        text = keys.format(source=place.source, model=place.model)
        # A terminal that pastes marks it so; the paste itself may hold anything.
        terminal.press(f"\x1b[200~{text}\x1b[201~" if text != keys else keys)
        terminal.read(0.15)
    terminal.press("\x11")
    assert terminal.wait() == 0
    return bytes(terminal.sent)


def rests(sent: bytes) -> tuple[list[bytes], str]:
    """The control sequences of the known kinds, and everything between them."""
    return [match.group() for match in SEQUENCE.finditer(sent)], SEQUENCE.sub(b"", sent).decode()


def test_a_terminal_gets_no_control_from_data(
    fill: Callable[[list[str]], Any], hostile: list[str], open_terminal: Any
) -> None:
    sequences, text = rests(capture(open_terminal, fill(hostile), (100, 40)))
    for control in CONTROL.finditer(text):
        around = text[max(0, control.start() - 40) : control.end() + 40]
        raise AssertionError(f"{control.group()!r} was sent: {around!r}")
    assert not [sequence for sequence in sequences if re.search(rb"73\d\d\d", sequence)]
    # The data were there, as plain characters.
    for number in range(len(hostile)):
        assert str(73_001 + number) in text
