"""Compiles template texts to programs that can only read their values and write text.

The sandbox has no loader and no random filter, so a rendering is a pure function of its values;
`bounds` and `metering` stop what loops, works or grows without end.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import jinja2
from jinja2 import meta, nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS as DEFAULT_FILTERS
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.tests import TESTS

from promptrec_tui.errors import TemplateError
from promptrec_tui.prompts.bounds import Bounded, Counted
from promptrec_tui.prompts.metering import (
    WEIGHED_TESTS,
    bounded_filters,
    charge_call,
    charge_operator,
    glanced,
    metered_filter,
    metered_test,
    step,
    weighed,
)
from promptrec_tui.text import clean, did_you_mean

TAGS = frozenset({"if", "elif", "else", "endif", "for", "endfor", "set", "endset", "raw", "endraw"})
# fmt: off
FILTERS = frozenset({
    "abs", "batch", "capitalize", "center", "count", "d", "default", "dictsort", "first", "float",
    "groupby", "indent", "int", "items", "join", "last", "length", "list", "lower", "map", "max", "min",
    "reject", "rejectattr", "replace", "reverse", "round", "select", "selectattr", "slice", "sort",
    "string", "sum", "title", "trim", "truncate", "unique", "upper", "wordcount",
})
# fmt: on
UNMEASURED_METHODS = frozenset({"encode", "maketrans", "translate"})
LOOP_VARIABLES = frozenset({"_loop_vars", "_block_vars"})
"""What compiled templates hand to every call within a loop or block."""

UNBOUNDED = (nodes.Macro, nodes.CallBlock, nodes.FilterBlock, nodes.AssignBlock)
MOST_SOURCE = 100_000


class Missing(jinja2.StrictUndefined):
    """A value that does not exist; its error lists those that do."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        values, name = self._undefined_obj, self._undefined_name
        if self._undefined_hint or not isinstance(values, Mapping):
            return super()._undefined_message
        return f"there is no {name!r} here, only {', '.join(values)}.{did_you_mean(str(name), values)}"


def written(value: object) -> object:
    """`value` when it can stand in a prompt; a list, an object or a method (`item.title.upper`) cannot."""
    if isinstance(value, str | int | float | Missing):
        return value
    raise TypeError(f"only text and numbers can be written, and this is a {type(value).__name__}")


class MeteredSandbox(ImmutableSandboxedEnvironment):
    """Jinja2's immutable sandbox, which counts its work; `writable` raises for what a text may not hold."""

    intercepted_binops = frozenset({"+", "-", "*", "**", "%"})
    context_class = Counted

    def __init__(
        self, writable: Callable[[object], object], filters: Iterable[tuple[str, Any]], **options: Any
    ) -> None:
        @pass_context
        def finalize(context: Counted, value: object) -> object:
            if not isinstance(value, str) or len(value) > 64:
                context.meter.weigh(value)
            return writable(value)

        super().__init__(finalize=finalize, **options)
        self.globals.clear()
        chosen = {**dict(filters), **bounded_filters(writable)}
        self.filters = {name: metered_filter(name, work) for name, work in chosen.items()}
        self.filters |= {"step": step, "weighed": weighed, "glanced": glanced}
        tests: Mapping[str, Any] = TESTS
        self.tests |= {name: metered_test(tests[name]) for name in WEIGHED_TESTS}

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Whether a template may read an attribute."""
        return attr not in UNMEASURED_METHODS and super().is_safe_attribute(obj, attr, value)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """An attribute, or else an entry, as in Jinja2; keys of plain dicts come first, for speed."""
        if type(obj) is dict and attribute in obj and not hasattr(dict, attribute):
            return obj[attribute]
        return super().getattr(obj, attribute)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        """Call what a template may call; `'a'.replace` and `'a'.join` are the filters of that name."""
        assert isinstance(__context, Counted)
        # `format` is wrapped by Jinja2. In loops and blocks, their variables come along.
        method = getattr(__obj, "__wrapped__", __obj)
        given = {name: value for name, value in kwargs.items() if name not in LOOP_VARIABLES}
        charge_call(__context.meter, method, args, given)
        text = getattr(method, "__self__", None)
        if isinstance(text, str) and method.__name__ == "replace":
            return __self.filters["replace"](__context, text, *args, **given)
        if isinstance(text, str) and method.__name__ == "join":
            return __self.filters["join"](__context, *args, text)
        made = super().call(__context, __obj, *args, **kwargs)
        __context.meter.glance(made)
        return made

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """`left operator right`, charged and measured."""
        assert isinstance(context, Counted)
        charge_operator(context.meter, operator, left, right)
        return super().call_binop(context, operator, left, right)


class Sandbox(MeteredSandbox):
    """The sandbox of prompt templates: narrow, and strict about what is missing."""

    def __init__(self) -> None:
        filters = [(name, work) for name, work in DEFAULT_FILTERS.items() if name in FILTERS]
        super().__init__(written, filters, undefined=Missing, keep_trailing_newline=True)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`item.title`; a column called `items` or `values` is found before the method of that name."""
        # Most values are plain dicts, and isinstance with an abstract class is slow.
        if (type(obj) is dict or isinstance(obj, Mapping)) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        """Refuse `format` without values: a title is no format string."""
        if getattr(__obj, "__name__", "") == "format" and not args and not set(kwargs) - LOOP_VARIABLES:
            raise SecurityError("'format' has no values to write")
        return super().call(__context, __obj, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """All operators but `**`, which no prompt needs."""
        if operator == "**":
            raise SecurityError(f"{operator!r} is not allowed in a template")
        return super().call_binop(context, operator, left, right)


SANDBOX = Sandbox()


@lru_cache(maxsize=64)
def compiled(source: str, variables: Sequence[str], where: str) -> jinja2.Template:
    """The program of a template text that may use `variables` only; `where` begins every error.

    Raises TemplateError with line, column and nearest name.
    """
    if len(source) > MOST_SOURCE:
        raise TemplateError(f"{where}: it is longer than {MOST_SOURCE:,} characters, shorten it.")
    try:
        tree = SANDBOX.parse(source)
        for node in tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)):
            wrong = "a template cannot use other files, leave it out."
            raise TemplateError(f"{where}, line {node.lineno}: {wrong}", source, node.lineno)
        for node in tree.find_all(UNBOUNDED):
            wrong = "a template cannot have macros, filter blocks and set blocks: write it out."
            raise TemplateError(f"{where}, line {node.lineno}: {wrong}", source, node.lineno)
        for name in sorted(meta.find_undeclared_variables(tree) - set(variables)):
            line = next((node.lineno for node in tree.find_all(nodes.Name) if node.name == name), 1)
            known = ", ".join(map(repr, variables)) + (" is" if len(variables) == 1 else " are")
            raise _located(
                where,
                source,
                line,
                name,
                f"{name!r} is not known here, only {known}.{did_you_mean(name, variables)}",
            )
        tree = Bounded().visit(tree)
        tree.set_environment(SANDBOX)
        return SANDBOX.from_string(tree)
    except jinja2.TemplateSyntaxError as error:
        message = clean(error.message or "it cannot be read").rstrip(".")
        word = re.findall(r"'([^']+)'|$", message)[-1 if message.startswith("expected") else 0]
        near = did_you_mean(word, TAGS | FILTERS)
        raise _located(where, source, error.lineno, word, f"{message}.{near}") from error
    except (MemoryError, RecursionError, SyntaxError, ValueError) as error:
        raise TemplateError(
            f"{where}: it is nested too deeply or has too long a number, simplify it."
        ) from error


def uses(source: str, variable: str) -> bool:
    """Whether a template text that compiles reads `variable` at all."""
    return variable in meta.find_undeclared_variables(SANDBOX.parse(source))


def _located(where: str, source: str, line: int, word: str, message: str) -> TemplateError:
    """The error with the line, and the column where `word` stands in it."""
    error = TemplateError("", source, line)
    match = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", error.source) if word else None
    at = f"line {line}, column {match.start() + 1}" if match else f"line {line}"
    return TemplateError(f"{where}, {at}: {message}", source, line, match.start() + 1 if match else 0)
