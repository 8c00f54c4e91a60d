"""JSON values checked against frozen dataclasses: a value is used only where its type is right."""

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from promptrec_tui.files import read_json

T = TypeVar("T")

Count = Annotated[int, "from 0 to 10^15"]
"""A whole number from 0 to 10^15: sums and products of some still fit into 64 bits."""

Moment = Annotated[float, "of the years 1 to 9999"]
"""Seconds since 1970 that a calendar knows: the years 1 to 9999."""

LARGEST_COUNT = 10**15
LARGEST_INT = 2**63 - 1
EARLIEST = datetime(1, 1, 2, tzinfo=UTC).timestamp()
LATEST = datetime(9999, 12, 31, tzinfo=UTC).timestamp()

Check = Callable[[Any], Any]


def build(kind: type[T], value: Any) -> T:
    """The dataclass `kind` from a JSON object; unknown keys are ignored.

    Fields may be int (64 bits), Count, float (finite), Moment, bool, str, Any, an enumeration, a Literal,
    another dataclass, tuples and mappings of these, and each of them or None.
    Raises ValueError: "step is 'x', not a whole number from 0 on".
    """
    if not isinstance(value, Mapping):
        raise ValueError(f"it is {_shown(value)}, not an object")
    given = {}
    for name, check, required in _fields(cast(Hashable, kind)):
        if name in value:
            try:
                given[name] = check(value[name])
            except ValueError as error:
                raise ValueError(f"{name} is {error}") from None
        elif required:
            raise ValueError(f"{name} is missing")
    return kind(**given)


def read(kind: type[T], path: Path) -> T | None:
    """The dataclass `kind` from the JSON file at `path`; None when it is missing or does not fit."""
    try:
        return build(kind, read_json(path))
    except (OSError, ValueError):
        return None


def trouble(kind: type[Any], path: Path) -> str:
    """What is wrong with the file at `path`, without a full stop; "" when nothing is or it is missing."""
    try:
        build(kind, read_json(path))
    except FileNotFoundError:
        return f"{path} is a link to nowhere" if path.is_symlink() else ""
    except OSError as error:
        return f"{path} cannot be read ({error.strerror})"
    except ValueError as error:
        return f"{path} is damaged ({str(error)[:200]})"
    return ""


@cache
def _fields(kind: Any) -> list[tuple[str, Check, bool]]:
    hints = get_type_hints(kind, include_extras=True)
    return [
        (field.name, _check(hints[field.name]), field.default is MISSING and field.default_factory is MISSING)
        for field in fields(kind)
    ]


def _check(hint: Any) -> Check:
    """A function that returns the value as `hint` wants it, or raises ValueError: "'x', not a number"."""
    if hint is Any:
        return lambda value: value
    if hint in _PLAIN:
        return _PLAIN[hint]
    if is_dataclass(hint):
        return lambda value: build(cast(type[Any], hint), value)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _choice({member.value: member for member in hint})
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Literal:
        return _choice({value: value for value in inner})
    if origin in (Union, UnionType):
        return _optional(_check(next(part for part in inner if part is not type(None))))
    if origin is tuple:
        return _many(_check(inner[0]))
    if origin is Mapping:
        return _mapping(_check(inner[1]))
    raise TypeError(f"{hint} cannot be checked")


def _choice(choices: Mapping[Any, Any]) -> Check:
    def check(value: Any) -> Any:
        if not isinstance(value, str) or value not in choices:
            raise ValueError(f"{_shown(value)}, not one of {', '.join(map(str, choices))}")
        return choices[value]

    return check


def _optional(inner: Check) -> Check:
    return lambda value: None if value is None else inner(value)


def _many(inner: Check) -> Check:
    def check(value: Any) -> tuple[Any, ...]:
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise ValueError(f"{_shown(value)}, not a list")
        return tuple(inner(item) for item in value)

    return check


def _mapping(inner: Check) -> Check:
    def check(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise ValueError(f"{_shown(value)}, not an object")
        return {key: inner(item) for key, item in value.items()}

    return check


def _int(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > LARGEST_INT:
        raise ValueError(f"{_shown(value)}, not a whole number of 64 bits")
    return value


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_COUNT:
        raise ValueError(f"{_shown(value)}, not a whole number from 0 to 10^15")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{_shown(value)}, not a number")
    try:
        if math.isfinite(number := float(value)):
            return number
    except OverflowError:
        pass
    raise ValueError("too large a number")


def _moment(value: Any) -> float:
    if not EARLIEST <= (number := _number(value)) <= LATEST:
        raise ValueError(f"{_shown(value)}, not a time")
    return number


def _of(kind: type, words: str) -> Check:
    def check(value: Any) -> Any:
        if not isinstance(value, kind):
            raise ValueError(f"{_shown(value)}, not {words}")
        return value

    return check


def _shown(value: Any) -> str:
    """A short text of any value, for an error message."""
    match value:
        case None:
            return "null"
        case Mapping():
            return "an object"
        case list() | tuple():
            return "a list"
        case bool():
            return str(value).lower()
        case int() if abs(value) > LARGEST_INT:
            return "a huge number"
        case str() if len(value) > 40:
            return f"{value[:40]!r}…"
        case _:
            return repr(value)


_PLAIN: dict[Any, Check] = {
    int: _int,
    Count: _count,
    float: _number,
    Moment: _moment,
    bool: _of(bool, "true or false"),
    str: _of(str, "a text"),
}
