"""The fields of forms: a row with its label, choices, and lines of pairs."""

from collections.abc import Iterable

from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Select, Static, TextArea

from promptrec_tui.errors import UserError
from promptrec_tui.text import clean


def row(label: str, widget: Widget) -> Horizontal:
    """A field after its label."""
    return Horizontal(Static(label, name=label, classes="label", markup=False), widget, classes="field")


def choice(id: str, name: str | None = None) -> Select[str]:
    """A choice among names, filled by `offer`; `name` is its name in error messages."""
    return Select[str]((), allow_blank=True, prompt="choose", id=id, name=name, compact=True)


def offer(select: Select[str], names: Iterable[str]) -> None:
    """Offer these names; the present choice stays if it is one of them."""
    names = list(names)
    present = select.value
    # The list would parse a plain string as markup.
    select.set_options([(Content(clean(name)), name) for name in names])
    if present in names:
        select.value = present


def key_values(text: str, field: str, example: str) -> dict[str, str]:
    """`key=value` lines as a mapping. Empty lines and those that begin with # are ignored.

    Raises UserError for any other line, and for a key that comes twice; the message names `field`.
    """
    values: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        key, equals, value = (part.strip() for part in line.partition("="))
        if not (key and equals and value):
            raise UserError(f"Line {number} of {field}, {clean(line)!r}, is not like {example}.")
        if key in values:
            raise UserError(f"Line {number} of {field} gives {clean(key)} a second time: keep one of them.")
        values[key] = value
    return values


def value_of(widget: Widget) -> str:
    """The contents of a field."""
    match widget:
        case TextArea():
            return widget.text
        case Select():
            return "" if widget.value is Select.NULL else str(widget.value)
        case Input():
            return widget.value
    raise TypeError(widget)


def write(widget: Widget, value: str) -> None:
    """Fill a field; a choice that is not offered is ignored."""
    match widget:
        case TextArea():
            widget.text = value
        case Select():
            if any(offered == value for _, offered in widget._options):
                widget.value = value
        case Input():
            widget.value = value
