"""Filters, tests, methods and operators that are charged for their work before they do it."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jinja2 import pass_context
from jinja2.exceptions import SecurityError
from jinja2.filters import make_attrgetter
from jinja2.runtime import LoopContext, Macro

from promptrec_tui.prompts.bounds import CALL_STEPS, CHARACTERS, MOST_DIGITS, Counted, Meter, measured

Work = Callable[..., Any]

FREE_FILTERS = frozenset({"count", "d", "default", "first", "last", "length"})
"""Filters that look at one entry of their value at most."""
# fmt: off
SHALLOW_FILTERS = frozenset({
    "attr", "batch", "items", "list", "map", "reject", "rejectattr", "reverse", "select", "selectattr",
    "slice",
})
"""Filters that look at each entry but not into it; all others may write or compare whole entries."""
SLOW_FILTERS = frozenset({
    "pprint", "striptags", "title", "tojson", "truncate", "urlize", "wordcount", "wordwrap", "xmlattr",
})
WEIGHED_TESTS = frozenset({
    "!=", "<", "<=", "==", ">", ">=", "eq", "equalto", "ge", "greaterthan", "gt", "in", "le", "lessthan",
    "lower", "lt", "ne", "upper",
})
# fmt: on
BACKWARDS = frozenset({"rfind", "rindex", "rpartition", "rsplit"})
"""Searches that compare text and pattern at every place in the worst case."""

MOST_INDENT = 16
_PERCENT = re.compile(r"%(?:\([^)]*\))?[-#0 +]*(\*|\d+)?(?:\.(\*|\d+))?")
_SPEC = re.compile(r"\{[^{}]*:([^{}]*)")
_NESTED = re.compile(r"\{[^{}]*:[^{}]*\{")


def metered_filter(name: str, work: Work) -> Work:
    """The filter `work`, charged by the size of what it is given and of what it makes."""
    wanted = getattr(work, "jinja_pass_arg", None)

    @pass_context
    def run(context: Counted, *args: Any, **kwargs: Any) -> Any:
        meter = context.meter
        meter.charge(CALL_STEPS)
        if name in SHALLOW_FILTERS:
            meter.glance(args[0])
        elif name not in FREE_FILTERS:
            before = meter.steps
            meter.weigh(args)
            meter.weigh(kwargs)
            if name in SLOW_FILTERS:
                meter.charge((meter.steps - before) * CHARACTERS)
            if isinstance(args[0], Iterator):
                args = (_weighing(meter, args[0]), *args[1:])
        if name in GUARDS:
            args = GUARDS[name](meter, *args, **kwargs) or args
        passed = () if wanted is None else (_passed(context, wanted.name),)
        made = work(*passed, *args, **kwargs)
        if isinstance(made, Iterator):
            return meter.counted(made)
        meter.glance(made)
        return made

    return run


def metered_test(work: Work) -> Work:
    """The test `work`, charged by the size of what it compares."""

    @pass_context
    def run(context: Counted, *args: Any) -> Any:
        context.meter.charge(CALL_STEPS)
        context.meter.weigh(args)
        return work(*args)

    return run


def charge_call(meter: Meter, called: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Charge a call by what it is given, and a method by the value it belongs to."""
    meter.charge(CALL_STEPS + len(args) + len(kwargs))
    if isinstance(called, Macro | LoopContext | type):
        # These only pass their arguments on; what uses them is charged.
        return
    meter.weigh(args)
    meter.weigh(kwargs)
    owner, name = getattr(called, "__self__", None), getattr(called, "__name__", "")
    if isinstance(owner, list | tuple | set | frozenset):
        meter.weigh(owner)
    elif not (isinstance(owner, dict) and name in ("get", "items", "keys", "values")):
        meter.glance(owner)
    if isinstance(owner, str) and name in BACKWARDS and args and isinstance(args[0], str):
        meter.charge(len(owner) * len(args[0]) // 256)
    if isinstance(owner, int):
        measured(max((arg for arg in (*args, *kwargs.values()) if isinstance(arg, int)), default=0))
    elif isinstance(owner, str | bytes) and name in METHOD_GUARDS:
        METHOD_GUARDS[name](meter, owner, *args, **kwargs)


def charge_operator(meter: Meter, operator: str, left: Any, right: Any) -> None:
    """Charge `left operator right`. Raises SecurityError unless what it makes is small enough."""
    meter.charge(1)
    if type(left) is int and type(right) is int and operator in "+-":
        return
    if isinstance(left, int | float) and isinstance(right, int | float):
        if isinstance(left, int) and isinstance(right, int):
            bits = left.bit_length()
            made = bits + right.bit_length() if operator == "*" else bits * right if operator == "**" else 0
            if made > MOST_DIGITS * 3:
                raise SecurityError(f"it was stopped: it makes a number of more than {MOST_DIGITS} digits")
        return
    if operator == "%" and isinstance(left, str | bytes):
        _formatted(meter, left, (right,), _percent_widths(left, right))
        return
    meter.glance(left)
    meter.glance(right)
    if operator == "*":
        size, times = (left, right) if isinstance(right, int) else (right, left)
        if isinstance(size, str | bytes | list | tuple) and isinstance(times, int):
            meter.charge(measured(len(size) * max(0, times)) // CHARACTERS)
    elif operator == "+" and isinstance(left, str | list | tuple) and isinstance(right, str | list | tuple):
        meter.charge(measured(len(left) + len(right)) // CHARACTERS)


def bounded_filters(written: Callable[[object], object]) -> dict[str, Work]:
    """`replace`, `join` and `string`, measured; `written` raises for what a text may not hold."""

    @pass_context
    def replace(context: Counted, text: object, old: object, new: object, count: int | None = None) -> str:
        source, old, new = str(written(text)), str(old), str(new)
        occurrences = source.count(old)
        times = occurrences if count is None or count < 0 else min(count, occurrences)
        context.meter.charge(
            measured(len(source) + times * max(0, len(new) - len(old))) // CHARACTERS + times // 8
        )
        return source.replace(old, new, -1 if count is None else count)

    @pass_context
    def join(context: Counted, values: Any, d: object = "", attribute: Any = None) -> str:
        if attribute is not None:
            values = map(make_attrgetter(context.environment, attribute), values)
        separator, texts, size = str(d), [], 0
        for value in values:
            context.meter.weigh(value)
            texts.append(str(written(value)))
            size = measured(size + len(texts[-1]) + len(separator))
        context.meter.charge(size // CHARACTERS)
        return separator.join(texts)

    def string(value: object) -> object:
        return value if isinstance(value, str) else str(written(value))

    return {"replace": replace, "join": join, "string": string}


@pass_context
def step(context: Counted, value: Any, steps: int = 1) -> Any:
    """`value`, and `steps` on the meter."""
    context.meter.charge(steps)
    return value


@pass_context
def weighed(context: Counted, value: Any) -> Any:
    """`value`, charged with all that it holds."""
    context.meter.weigh(value)
    return value


@pass_context
def glanced(context: Counted, value: Any) -> Any:
    """`value`, charged by its own length."""
    context.meter.glance(value)
    return value


def _passed(context: Counted, wanted: str) -> Any:
    values = {"context": context, "environment": context.environment, "eval_context": context.eval_ctx}
    return values[wanted]


def _weighing(meter: Meter, values: Iterator[Any]) -> Iterator[Any]:
    for value in values:
        meter.weigh(value)
        yield value


def _wide(meter: Meter, value: Any, width: int = 80, *args: Any, **kwargs: Any) -> None:
    meter.charge(measured(width) // CHARACTERS)


def _parts(meter: Meter, value: Any, count: int = 0, *args: Any, **kwargs: Any) -> None:
    count = kwargs.get("linecount", kwargs.get("slices", count))
    meter.charge(measured(count))


def _indented(meter: Meter, s: Any, width: int | str = 4, *args: Any, **kwargs: Any) -> None:
    wide = len(width) if isinstance(width, str) else width
    meter.charge(measured((str(s).count("\n") + 1) * wide) // CHARACTERS)


def _rounded(meter: Meter, value: Any, precision: int = 0, *args: Any, **kwargs: Any) -> None:
    if abs(precision) > MOST_DIGITS:
        raise SecurityError(f"it was stopped: it makes a number of more than {MOST_DIGITS} digits")


def _json(meter: Meter, *args: Any, **kwargs: Any) -> None:
    indent = kwargs.get("indent", args[2] if len(args) > 2 else None) or 0
    if (len(indent) if isinstance(indent, str) else indent) > MOST_INDENT:
        raise SecurityError(f"it was stopped: tojson indents by more than {MOST_INDENT}")


def _wrapped(meter: Meter, s: Any, width: int = 79, *args: Any, **kwargs: Any) -> None:
    between = max((len(text) for text in (*args, *kwargs.values()) if isinstance(text, str)), default=0)
    measured(len(str(s)) // max(1, width) * between)


def _linked(meter: Meter, value: Any, *args: Any, **kwargs: Any) -> None:
    added = sum(len(str(text)) for text in (*args, *kwargs.values()))
    measured(len(str(value)) // 4 * added)


def _summed(meter: Meter, iterable: Any, attribute: Any = None, start: Any = 0) -> tuple[Any, ...] | None:
    if isinstance(start, int | float):
        return None
    values = list(iterable)
    meter.charge(len(values) * (meter.weigh(values) // CHARACTERS + 1))
    return (values, *([attribute] if attribute is not None else []))


def _filter_format(meter: Meter, value: Any, *args: Any, **kwargs: Any) -> None:
    given = kwargs or args
    _formatted(meter, str(value), (given,), _percent_widths(str(value), given))


def _strip(meter: Meter, text: Any, chars: Any = None, *args: Any, **kwargs: Any) -> None:
    if isinstance(chars, str | bytes):
        meter.charge(len(text) * len(chars) // 1024)


def _expandtabs(meter: Meter, text: Any, tabsize: int = 8) -> None:
    tab = b"\t" if isinstance(text, bytes) else "\t"
    meter.charge(measured(text.count(tab) * tabsize + len(text)) // CHARACTERS)


def _method_format(meter: Meter, text: str, *args: Any, **kwargs: Any) -> None:
    if _NESTED.search(text):
        raise SecurityError("a field within the width of a field is not allowed in a template")
    numbers = (number for spec in _SPEC.findall(text) for number in re.findall(r"\d+", spec))
    widths = sum(int(number[:9]) for number in numbers)
    _formatted(meter, text, (*args, *kwargs.values()), widths, "{")


def _percent_widths(text: Any, given: Any) -> int:
    source = text.decode("latin-1") if isinstance(text, bytes) else text
    values = given if isinstance(given, tuple) else (given,)
    widest = max((abs(value) for value in values if isinstance(value, int)), default=0)
    return sum(
        widest if number == "*" else int(number[:9])
        for numbers in _PERCENT.findall(source)
        for number in numbers
        if number
    )


def _formatted(meter: Meter, text: Any, given: Any, widths: int, mark: str = "%") -> None:
    """Charge a formatting of `text` with the values `given`; `widths`: how wide all its fields are."""
    fields = text.count(mark.encode() if isinstance(text, bytes) else mark)
    meter.charge(measured(len(text) + widths + fields * meter.weigh(given)) // CHARACTERS + fields)


GUARDS: Mapping[str, Callable[..., Any]] = {
    "batch": _parts,
    "center": _wide,
    "format": _filter_format,
    "indent": _indented,
    "round": _rounded,
    "slice": _parts,
    "sum": _summed,
    "tojson": _json,
    "trim": _strip,
    "urlize": _linked,
    "wordwrap": _wrapped,
}
"""Functions that check the arguments of a filter before it runs, and may replace them."""

METHOD_GUARDS: Mapping[str, Callable[..., None]] = {
    "center": _wide,
    "expandtabs": _expandtabs,
    "format": _method_format,
    "format_map": _method_format,
    "ljust": _wide,
    "lstrip": _strip,
    "rjust": _wide,
    "rstrip": _strip,
    "strip": _strip,
    "zfill": _wide,
}
