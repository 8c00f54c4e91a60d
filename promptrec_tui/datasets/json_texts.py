"""JSON read strictly, with numbers as they are written: nothing changes its value on the way."""

import json
from typing import Any

from promptrec_tui.datasets.places import quoted


class Number(str):
    """A number as its source writes it."""

    __slots__ = ()


def parse_strict(text: str) -> Any:
    """The JSON value in `text`; numbers become `Number`.

    Raises ValueError, whose text says what is wrong (and in which column, for bad syntax): a name that comes
    twice, NaN and infinities, the NUL character, half of a surrogate pair, nesting too deep.
    """
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_int=Number,
            parse_float=Number,
            parse_constant=_refuse_constant,
        )
    except json.JSONDecodeError as error:
        line = f" of its line {error.lineno}" if error.lineno > 1 else ""
        raise ValueError(f"it is not JSON: {_lower(error.msg)} at column {error.colno}{line}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if "\\ud" in (folded := text.lower()) or "\\u0000" in folded:
        _check_texts(value)
    return value


def as_text(value: Any) -> str:
    """A JSON value as the text of a field: strings and numbers as they are, null as nothing."""
    match value:
        case str():
            return str(value)
        case None:
            return ""
        case _:
            return _written(value)


def _written(value: Any) -> str:
    match value:
        case Number():
            return str(value)
        case dict():
            return "{" + ", ".join(f"{_written(key)}: {_written(each)}" for key, each in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_written, value)) + "]"
        case _:
            return json.dumps(value, ensure_ascii=False)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {quoted(twice)} stands in one object twice")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON value")


def _check_texts(value: Any) -> None:
    """Refuse, with ValueError, what JSON can name and no database takes."""
    match value:
        case str():
            if "\0" in value:
                raise ValueError("it names the NUL character")
            if any("\ud800" <= char <= "\udfff" for char in value):
                raise ValueError("it names half of a surrogate pair, which is no character")
        case dict():
            for name, each in value.items():
                _check_texts(name)
                _check_texts(each)
        case list():
            for each in value:
                _check_texts(each)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
