"""Template text turned into programs that can read their values and write text, and nothing else.

The sandbox has no loader, no globals and no filter or operator that draws lots or grows text without limit,
so a rendering is a pure function of its values. It is no guard against a template that loops for minutes.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import jinja2
from jinja2 import meta, nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from promptrec_tui.errors import UserError
from promptrec_tui.text import clean, did_you_mean

TAGS = frozenset({"if", "elif", "else", "endif", "for", "endfor", "set", "endset", "raw", "endraw"})
# fmt: off
FILTERS = frozenset({
    "batch", "capitalize", "count", "d", "default", "first", "float", "int", "join", "last",
    "length", "list", "lower", "map", "max", "min", "reject", "rejectattr", "replace", "reverse",
    "round", "select", "selectattr", "slice", "sort", "string", "sum", "title", "trim", "truncate",
    "unique", "upper",
})
# fmt: on
GROWING_METHODS = frozenset({"center", "expandtabs", "format", "format_map", "ljust", "rjust", "zfill"})


class Missing(jinja2.StrictUndefined):
    """A value that is not there; saying so, it names what is."""

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


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2's immutable sandbox, narrowed."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(undefined=Missing, finalize=written, keep_trailing_newline=True)
        self.globals.clear()
        self.filters = {name: self.filters[name] for name in FILTERS}

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Whether a template may read an attribute."""
        return attr not in GROWING_METHODS and super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> None:
        """No way around `is_safe_attribute` for `format`: widths in it could fill the memory."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`item.title`; a column called `items` or `values` is found before the method of that name."""
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """`*` and `%` of numbers; with text or lists they could fill the memory, as `**` could."""
        if operator == "**" or not (isinstance(left, int | float) and isinstance(right, int | float)):
            raise SecurityError(f"{operator!r} with these values is not allowed in a template")
        return super().call_binop(context, operator, left, right)


SANDBOX = Sandbox()


@lru_cache(maxsize=64)
def compiled(source: str, variable: str, where: str) -> jinja2.Template:
    """The program of a template text that may use `variable` only; `where` begins every error.

    Raises UserError with line, column and nearest name.
    """
    try:
        tree = SANDBOX.parse(source)
        for node in tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)):
            raise UserError(f"{where}, line {node.lineno}: a template cannot use other files, leave it out.")
        for name in sorted(meta.find_undeclared_variables(tree) - {variable}):
            line = next((found.lineno for found in tree.find_all(nodes.Name) if found.name == name), 1)
            raise UserError(
                f"{where}, {_position(source, line, name)}: {name!r} is not known here, only {variable!r} is."
                f"{did_you_mean(name, [variable])}"
            )
        return SANDBOX.from_string(tree)
    except jinja2.TemplateSyntaxError as error:
        message = clean(error.message or "it cannot be read").rstrip(".")
        word = re.findall(r"'([^']+)'|$", message)[-1 if message.startswith("expected") else 0]
        at = _position(source, error.lineno, word)
        near = did_you_mean(word, TAGS | FILTERS)
        raise UserError(f"{where}, {at}: {message}.{near}") from error
    except (MemoryError, RecursionError, SyntaxError, ValueError) as error:
        raise UserError(f"{where}: it is nested too deeply or has too long a number, simplify it.") from error


def uses(source: str, variable: str) -> bool:
    """Whether a template text that compiles reads `variable` at all."""
    return variable in meta.find_undeclared_variables(SANDBOX.parse(source))


def _position(source: str, line: int, word: str) -> str:
    lines = source.splitlines()
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    found = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) if word else None
    return f"line {line}, column {found.start() + 1}" if found else f"line {line}"
