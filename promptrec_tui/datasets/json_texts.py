"""Strict JSON; numbers are kept as they are written."""

import json
import re
from typing import Any

from promptrec_tui.datasets.faults import quoted

BLANKS = " \t\r\n\x1e"
"""Characters allowed between values; the last one separates the records of RFC 7464."""

_BLANKS = re.compile(f"[{BLANKS}]*")
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"?')
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"(?P<colon>(?=\s*:))?|[{}]|NaN|-?Infinity')


class Number(str):
    """A number as its source writes it."""

    __slots__ = ()


class JsonError(ValueError):
    """A fault of a JSON text, with its line and column (from 1)."""

    def __init__(self, fault: str, text: str, position: int) -> None:
        super().__init__(fault)
        self.position = position
        self.line = text.count("\n", 0, position) + 1
        self.column = position - text.rfind("\n", 0, position)


def parse_strict(text: str) -> Any:
    """The JSON value in `text`; numbers become `Number`.

    Raises `JsonError` as `parse_next`, and where more follows.
    """
    value, end = parse_next(text, 0)
    if (rest := skip_blanks(text, end)) < len(text):
        fault = "a comma follows the value" if text[rest] == "," else "another value follows"
        raise JsonError(f"it is not JSON: {fault}", text, rest)
    return value


def skip_blanks(text: str, start: int) -> int:
    """The position of the first character in `text` from `start` on that is not a blank."""
    blanks = _BLANKS.match(text, start)
    return blanks.end() if blanks else start


def parse_next(text: str, start: int) -> tuple[Any, int]:
    """The JSON value that begins in `text` at `start` or after blanks, and where it ends.

    Raises `JsonError` for bad syntax, a name that comes twice in an object, NaN and infinities, the NUL
    character, half of a surrogate pair, nesting too deep.
    """
    start = skip_blanks(text, start)
    try:
        value, end = _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise JsonError(f"it is not JSON: {_syntax(error)}", text, _place(error)) from None
    except RecursionError:
        raise JsonError("it is nested too deeply", text, start) from None
    except ValueError as error:
        raise JsonError(str(error), text, _culprit(text, start)) from None
    if "\\ud" in (folded := text[start:end].lower()) or "\\u0000" in folded:
        try:
            _check_texts(value)
        except ValueError as error:
            raise JsonError(str(error), text, start) from None
    return value, end


def open_brackets(line: str) -> int:
    """How many brackets of a line of JSON are open at its end, or closed more than opened (below 0)."""
    outside = _TEXT.sub("", line)
    return sum(map(outside.count, "{[")) - sum(map(outside.count, "}]"))


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
    record = dict(pairs)
    if len(record) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {quoted(twice)} stands in one object twice")
    return record


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


def _place(error: json.JSONDecodeError) -> int:
    """Where the fault is: what is wrong with a comma before a bracket is the comma."""
    before = error.doc[: error.pos].rstrip(BLANKS)
    is_comma = before.endswith(",") and error.doc[error.pos :].lstrip(BLANKS)[:1] in ("}", "]")
    return len(before) - 1 if is_comma else error.pos


def _syntax(error: json.JSONDecodeError) -> str:
    """What is wrong at a place, in words."""
    text, place = error.doc, _place(error)
    rest = text[place:].lstrip(BLANKS)
    if place != error.pos:
        return "a comma stands before a closing bracket"
    if not rest or (error.msg.startswith("Unterminated string") and "\n" not in text[place:].rstrip(BLANKS)):
        return "it ends within a value"
    if rest[0] == "'":
        return "single quotes stand where JSON has double ones (as Python prints its objects)"
    if rest.startswith(("//", "/*", "#")):
        return "a comment stands there, which JSON has not"
    if rest.startswith(("None", "True", "False")):
        return "Python's None, True and False are null, true and false in JSON"
    if error.msg.startswith("Invalid control character"):
        return "a line end, tab or other control character stands in a text"
    return error.msg[:1].lower() + error.msg[1:]


def _culprit(text: str, start: int) -> int:
    """The position of a repeated name in an object, of NaN or of an infinity."""
    names: list[set[str]] = []
    for token in _TOKEN.finditer(text, start):
        match token[0]:
            case "{":
                names.append(set())
            case "}":
                names.pop()
            case name if token["colon"] is not None:
                if name in names[-1]:
                    return token.start()
                names[-1].add(name)
            case constant if not constant.startswith('"'):
                return token.start()
    return start


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=Number, parse_float=Number, parse_constant=_refuse_constant
)
