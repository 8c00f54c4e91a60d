"""The shapes in which one JSON value holds records: arrays, by split, by key, as pairs, by column."""

from collections.abc import Mapping
from typing import Any

from promptrec_tui.datasets.columns import has_columns
from promptrec_tui.datasets.splits import split_of

PAIR = ("text", "label")
ITEM_PAIR = ("key", "title")
"""What the two values of a record are that is an array of two."""
COLUMNAR = (("user", "item"), ("key", "title"), ("text", "label"), ("instruction", "output"))


def has_parts(value: object) -> bool:
    """Is this an object of arrays (by split) or of objects (by key), and no record?"""
    parts = list(value.values()) if isinstance(value, dict) else []
    return bool(parts) and any(all(isinstance(part, kind) for part in parts) for kind in (list, dict))


def wraps_records(value: object) -> bool:
    """Is this an object with arrays of records among its values, such as {"version": 1, "data": [{…}]}?"""
    return isinstance(value, dict) and any(_are_records(part) for part in value.values())


def is_columnar(value: Mapping[str, Any]) -> bool:
    """Does this object hold whole columns by their names, as pandas writes a table?"""
    return has_parts(value) and any(has_columns(tuple(value), *fields) for fields in COLUMNAR)


def parts_of(value: Any) -> tuple[dict[str | None, list[Any]], list[str]]:
    """The arrays of records in a JSON value by split (None: no split), and the names of the other values.

    Objects by key become records with their key in "key". Arrays named after one split, such as
    train and oos_train of CLINC150, are put together. An object without arrays is one record.
    """
    if isinstance(value, list):
        return {None: value}, []
    if not (isinstance(value, dict) and value):
        return {}, []
    if is_columnar(value) and (rows := _by_column(value)):
        return {None: rows}, []
    if all(isinstance(part, dict) for part in value.values()):
        if all(part and all(isinstance(each, dict) for each in part.values()) for part in value.values()):
            return _by_split({name: _by_key(part) for name, part in value.items()}), []
        return {None: _by_key(value)}, []
    arrays = {name: part for name, part in value.items() if isinstance(part, list)}
    if not arrays:
        return {None: [value]}, []
    records = {name: part for name, part in arrays.items() if _are_records(part)} or arrays
    return _by_split(records), [name for name in value if name not in records and value[name] != []]


def _are_records(part: object) -> bool:
    return isinstance(part, list) and bool(part) and isinstance(part[0], dict | list)


def _by_split(arrays: Mapping[str, list[Any]]) -> dict[str | None, list[Any]]:
    by_split: dict[str | None, list[Any]] = {}
    for name, part in arrays.items():
        by_split.setdefault(split_of(name) or name, []).extend(part)
    (first, *others) = by_split
    # A single array named data or items is not a split.
    return {None: by_split[first]} if not others and split_of(str(first)) is None else by_split


def _by_key(value: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{"key": key, **record} for key, record in value.items()]


def _by_column(value: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of columns of equal length; none where they are not."""
    columns = list(value.values())
    if any(len(column) != len(columns[0]) for column in columns):
        return []
    if isinstance(columns[0], dict):
        if any(column.keys() != columns[0].keys() for column in columns):
            return []
        columns = [list(column.values()) for column in columns]
    return [dict(zip(value, row, strict=True)) for row in zip(*columns, strict=True)]
