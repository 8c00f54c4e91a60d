"""The symbols that the app draws, and their replacements for a terminal with ASCII only."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Glyphs:
    """One set of symbols, each one cell wide."""

    dot: str
    more: str
    rise: str
    fall: str
    bars: str
    target: str
    arrow: str
    mark: str
    beat: str
    """Two that take turns while something is waited for."""
    crumb: str
    pin: str


UNICODE = Glyphs(
    dot="●",
    more="…",
    rise="▲",
    fall="▼",
    bars="▁▂▃▄▅▆▇█",
    target="★",
    arrow="→",
    mark="◆",
    beat="◐◑",
    crumb="›",
    pin="↑",
)
ASCII = Glyphs(
    dot="*",
    more="~",
    rise="+",
    fall="-",
    bars="_.-=+*#@",
    target="*",
    arrow=">",
    mark="+",
    beat="-+",
    crumb=">",
    pin="^",
)

PLAIN_TERMINALS = ("dumb", "linux")
"""Terminals without the symbols: the Linux console has no Braille."""


def needs_ascii(environment: Mapping[str, str]) -> bool:
    """Whether the terminal shows ASCII only, according to the environment variables.

    If no locale is set at all, UTF-8 is assumed.
    """
    if environment.get("TERM") in PLAIN_TERMINALS:
        return True
    language = environment.get("LANG", "")
    # Under LANG=C Python itself sets LC_CTYPE to a locale of UTF-8.
    kind = "" if language in ("C", "POSIX") else environment.get("LC_CTYPE", "")
    locale = environment.get("LC_ALL") or kind or language
    charset = locale.partition(".")[2].partition("@")[0].replace("-", "").casefold()
    return locale in ("C", "POSIX") or charset not in ("", "utf8")
