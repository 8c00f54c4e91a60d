"""What keeps a template from running for ever: its loops are counted, its texts measured.

Counted and not timed, so that a slow machine renders what a fast one does; and in the same process, since a
child for each keystroke would be slower than the keystroke. A step takes about a microsecond.
"""

from collections.abc import Callable, Iterable
from typing import Any

from jinja2 import Environment, nodes, pass_context, pass_environment
from jinja2.exceptions import SecurityError
from jinja2.filters import do_batch, make_attrgetter, sync_do_slice
from jinja2.runtime import Context
from jinja2.visitor import NodeTransformer

MOST_STEPS = 500_000
MOST_TEXT = 2_000_000
"""Characters of a text, or entries of a list."""
MOST_DIGITS = 300


class Counted(Context):
    """The values of one rendering, and the steps that its loops have taken."""

    steps = 0


class Bounded(NodeTransformer):
    """Puts the counter into every loop, and `~` under the measure of `join`."""

    def visit_For(self, node: nodes.For) -> nodes.For:  # noqa: N802 (named after the node)
        self.generic_visit(node)
        counter = nodes.Filter(nodes.Const(""), "step", [], [], None, None, lineno=node.lineno)
        node.body.insert(0, nodes.Output([counter], lineno=node.lineno))
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Filter:  # noqa: N802
        self.generic_visit(node)
        parts = nodes.List(node.nodes, lineno=node.lineno)
        return nodes.Filter(parts, "join", [], [], None, None, lineno=node.lineno)


def bounded(pieces: Iterable[str]) -> str:
    """The pieces of a rendering as one text. Raises SecurityError as soon as it is too long."""
    written, found = 0, []
    for piece in pieces:
        written += len(piece)
        if written > MOST_TEXT:
            measured(written)
        found.append(piece)
    return "".join(found)


def measured(size: int) -> int:
    """`size`. Raises SecurityError when a text or list of that size is too long."""
    if size > MOST_TEXT:
        raise SecurityError(f"it was stopped: it makes a text of more than {MOST_TEXT:,} characters")
    return size


def sized(operator: str, left: Any, right: Any) -> None:
    """Raise SecurityError unless `left operator right` is small enough."""
    if isinstance(left, int) and isinstance(right, int):
        if operator == "*" and left.bit_length() + right.bit_length() > MOST_DIGITS * 3:
            raise SecurityError(f"it was stopped: it makes a number of more than {MOST_DIGITS} digits")
    elif operator == "+" and isinstance(left, str | list | tuple) and isinstance(right, str | list | tuple):
        measured(len(left) + len(right))


def bounded_filters(written: Callable[[object], object]) -> dict[str, Callable[..., Any]]:
    """The filters that could grow text or lists, measured; `written` says what may stand in a text."""

    def replace(text: object, old: str, new: str, count: int = -1) -> str:
        source, old, new = str(written(text)), str(old), str(new)
        times = source.count(old) if count < 0 else min(count, source.count(old))
        measured(len(source) + times * max(0, len(new) - len(old)))
        return source.replace(old, new, count)

    @pass_environment
    def join(
        environment: Environment, values: Iterable[Any], separator: str = "", attribute: str | None = None
    ) -> str:
        if attribute is not None:
            values = map(make_attrgetter(environment, attribute), values)
        texts = [str(written(value)) for value in values]
        measured(sum(map(len, texts)) + len(separator) * len(texts))
        return separator.join(texts)

    @pass_environment
    def total(
        environment: Environment, values: Iterable[Any], attribute: str | None = None, start: float = 0
    ) -> float:
        if attribute is not None:
            values = map(make_attrgetter(environment, attribute), values)
        if not isinstance(start, int | float):
            raise SecurityError("'sum' adds up numbers only")
        return sum(values, start)

    def batch(values: Iterable[Any], count: int, fill: Any = None) -> Iterable[list[Any]]:
        return do_batch(list(values), measured(count), fill)

    def slices(values: Iterable[Any], count: int, fill: Any = None) -> Iterable[list[Any]]:
        return sync_do_slice(list(values), measured(count), fill)

    def string(value: object) -> str:
        return str(written(value))

    return {
        "replace": replace,
        "join": join,
        "sum": total,
        "batch": batch,
        "slice": slices,
        "string": string,
        "step": _step,
    }


@pass_context
def _step(context: Counted, text: str) -> str:
    context.steps += 1
    if context.steps > MOST_STEPS:
        raise SecurityError(f"it was stopped: its loops take more than {MOST_STEPS:,} steps")
    return text
