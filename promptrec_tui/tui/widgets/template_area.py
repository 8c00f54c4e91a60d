"""A field for the text of a template, its Jinja tags in colour."""

import re
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import TextArea

TAGS = (
    # A tag may continue on the next line; its end may be alone on a line.
    (re.compile(r"\{\{.*?(?:\}\}|$)"), "cyan"),
    (re.compile(r"\{%.*?(?:%\}|$)"), "magenta"),
    (re.compile(r"\{#.*?(?:#\}|$)"), "dim italic"),
)


class TemplateArea(TextArea, inherit_bindings=False):
    """Does its own highlighting: Textual's grammars are C code, and none of them is for Jinja.

    The function keys belong to the screen: selecting works with shift and arrows instead of Textual's F6 and
    F7.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        binding
        for binding in TextArea.BINDINGS
        if isinstance(binding, Binding) and binding.key not in ("f6", "f7")
    ]

    def __init__(self, id: str, placeholder: str = "") -> None:
        super().__init__(id=id, compact=True, placeholder=placeholder, highlight_cursor_line=False)

    def get_line(self, line_index: int) -> Text:
        text = super().get_line(line_index)
        for pattern, style in TAGS:
            text.highlight_regex(pattern, style)
        return text
