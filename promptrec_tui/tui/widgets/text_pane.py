"""A long text that scrolls with the keys of texts."""

from textual.containers import VerticalScroll

from promptrec_tui.tui.actions import bindings


class TextPane(VerticalScroll, inherit_bindings=False):
    """Put a `Static` into it."""

    BINDINGS = bindings("scroll")
    PANE = "scroll"
