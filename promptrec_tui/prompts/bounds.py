"""Limits on what a template may compute: its work is counted in steps, and its texts are measured.

Counted and not timed, so that a slow machine renders what a fast one does; and in the same process, since a
child for each keystroke would be slower than the keystroke. A step takes about a microsecond: a round of a
loop is one, and what is given to filters, tests, methods and operators costs by its size.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from jinja2 import nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.utils import Namespace
from jinja2.visitor import NodeTransformer

MOST_STEPS = 500_000
MOST_TEXT = 2_000_000
"""Characters of a text, or entries of a list."""
MOST_DIGITS = 300

CALL_STEPS = 3
CHARACTERS = 16
"""Characters of a text that cost one step."""
NODES = 16
"""Parts of a loop's body that cost one step more."""

_EMPTY: dict[str, str] = {}
VIEWS = (type(_EMPTY.keys()), type(_EMPTY.values()), type(_EMPTY.items()))
MANY = (list, tuple, dict, set, frozenset, range, *VIEWS)


class Meter:
    """The steps that one rendering has taken."""

    def __init__(self) -> None:
        self.steps = 0

    def charge(self, steps: int) -> None:
        """Count `steps`. Raises SecurityError when they are too many."""
        self.steps += steps
        if self.steps > MOST_STEPS:
            raise SecurityError(
                f"it was stopped: its loops take more than {MOST_STEPS:,} steps, the work of filters included"
            )

    def glance(self, value: Any) -> None:
        """Charge a value by its own length, without the contents of its entries."""
        if isinstance(value, str | bytes):
            self.charge(len(value) // CHARACTERS)
        elif isinstance(value, MANY):
            self.charge(len(value))

    def weigh(self, value: Any) -> int:
        """Charge a value with all its entries; returns about how many characters it takes to write."""
        size, open_values = 0, [value]
        while open_values:
            part = open_values.pop()
            if isinstance(part, Namespace):
                part = object.__getattribute__(part, "_Namespace__attrs")
            self.charge(1)
            self.glance(part)
            if isinstance(part, str | bytes):
                size += len(part)
            elif isinstance(part, range):
                size += 8 * len(part)
            elif isinstance(part, dict):
                size += 6 * len(part)
                open_values += part.keys()
                open_values += part.values()
            elif isinstance(part, MANY):
                size += 4 * len(part)
                open_values += part
            elif isinstance(part, int):
                size += part.bit_length() // 3 + 2
            else:
                size += 24
        return size

    def counted(self, values: Iterator[Any]) -> Iterator[Any]:
        """The same values, a step each."""
        for value in values:
            self.charge(1)
            yield value


class Counted(Context):
    """The values of one rendering, and its meter."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.meter = Meter()

    def derived(self, locals: dict[str, Any] | None = None) -> Context:
        """A context of a block, which counts with the same meter."""
        context = super().derived(locals)
        if isinstance(context, Counted):
            context.meter = self.meter
        return context


class Bounded(NodeTransformer):
    """Inserts the filters `step` and `weighed` where a template computes without calling anything."""

    def visit_For(self, node: nodes.For) -> nodes.For:  # noqa: N802 (named after the node)
        steps = _steps(node.body)
        self.generic_visit(node)
        node.body.insert(0, steps)
        if node.test is not None:
            node.test = nodes.And(_filter(nodes.Const(True), "step"), node.test, lineno=node.lineno)
        return node

    def visit_Macro(self, node: nodes.Macro) -> nodes.Macro:  # noqa: N802
        steps = _steps(node.body)
        self.generic_visit(node)
        node.body.insert(0, steps)
        return node

    def visit_CallBlock(self, node: nodes.CallBlock) -> nodes.CallBlock:  # noqa: N802
        steps = _steps(node.body)
        self.generic_visit(node)
        node.body.insert(0, steps)
        return node

    def visit_Output(self, node: nodes.Output) -> nodes.Output:  # noqa: N802
        self.generic_visit(node)
        written = sum(len(part.data) for part in node.nodes if isinstance(part, nodes.TemplateData))
        if written >= CHARACTERS:
            steps = nodes.Const(written // CHARACTERS)
            node.nodes.insert(0, _filter(nodes.Const("", lineno=node.lineno), "step", steps))
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Filter:  # noqa: N802
        self.generic_visit(node)
        return _filter(nodes.List(node.nodes, lineno=node.lineno), "join")

    def visit_Compare(self, node: nodes.Compare) -> nodes.Compare:  # noqa: N802
        self.generic_visit(node)
        # Comparing with a constant is cheap.
        operands = (node.expr, *(operand.expr for operand in node.ops))
        constant = any(isinstance(operand, nodes.Const) for operand in operands)
        if constant and len(operands) == 2 and node.ops[0].op not in ("in", "notin"):
            return node
        node.expr = _weighed(node.expr)
        for operand in node.ops:
            operand.expr = _weighed(operand.expr)
        return node

    def visit_Pair(self, node: nodes.Pair) -> nodes.Pair:  # noqa: N802
        self.generic_visit(node)
        node.key = _weighed(node.key)
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node)
        if isinstance(node.arg, nodes.Slice):
            return _filter(node, "glanced")
        node.arg = _weighed(node.arg)
        return node


def _steps(body: Sequence[nodes.Node]) -> nodes.Output:
    """A statement that charges one round of `body`: a step, and more where it is long."""
    line = body[0].lineno if body else 1
    size = sum(1 for node in body for _ in node.find_all(nodes.Node))
    steps = nodes.Const(1 + size // NODES, lineno=line)
    return nodes.Output([_filter(nodes.Const("", lineno=line), "step", steps)], lineno=line)


def _filter(value: nodes.Expr, name: str, *args: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(value, name, list(args), [], None, None, lineno=value.lineno)


def _weighed(value: nodes.Expr) -> nodes.Expr:
    return value if isinstance(value, nodes.Const) else _filter(value, "weighed")


def bounded(pieces: Iterable[str]) -> str:
    """The pieces of a rendering as one text. Raises SecurityError as soon as it is too long."""
    written, parts = 0, []
    for piece in pieces:
        written += len(piece)
        if written > MOST_TEXT:
            measured(written)
        parts.append(piece)
    return "".join(parts)


def measured(size: int) -> int:
    """`size`. Raises SecurityError when a text or list of that size is too long."""
    if size > MOST_TEXT:
        raise SecurityError(f"it was stopped: it makes a text of more than {MOST_TEXT:,} characters")
    return size
