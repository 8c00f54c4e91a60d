"""The signs that the app draws with, and their stand-ins for a terminal with ASCII only."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Glyphs:
    """One set of signs, each one cell wide."""

    dot: str
    more: str
    rise: str
    fall: str
    bars: str
    target: str
    arrow: str


UNICODE = Glyphs(dot="●", more="…", rise="▲", fall="▼", bars="▁▂▃▄▅▆▇█", target="★", arrow="→")
ASCII = Glyphs(dot="*", more="~", rise="+", fall="-", bars="_.-=+*#@", target="*", arrow=">")
