"""Hard rules of a question: items that must have, or must not have, some value of an attribute."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from promptrec_tui.errors import UserError
from promptrec_tui.text import clean, did_you_mean

PARTS = "|"
"""Between several values of one attribute, as in MovieLens' genres."""

Rules = Sequence[tuple[str, ...]]
"""Pairs of an attribute and a value."""


class Described(Protocol):
    """What is read of an item."""

    @property
    def attributes(self) -> Mapping[str, str]: ...


def ruled_out(items: Sequence[Described], require: Rules, exclude: Rules) -> set[int]:
    """The indices of items that lack a value that is required, or have one that is excluded.

    Letter case does not matter; a value is the whole attribute or one of its parts between "|". Raises
    UserError for an attribute, or a value, that no item has.
    """
    lacking = [set(range(len(items))) - _with(items, rule) for rule in require]
    return set().union(*lacking, *(_with(items, rule) for rule in exclude))


def _with(items: Sequence[Described], rule: tuple[str, ...]) -> set[int]:
    """The items that have the value of the attribute."""
    if len(rule) != 2:
        raise UserError("A rule is a pair of an attribute and a value.")
    name, value = rule
    names = sorted({known for item in items for known in item.attributes})
    if name not in names:
        known = f"they have {', '.join(map(clean, names))}" if names else "they have none"
        hint = did_you_mean(name, names)
        raise UserError(f"The items have no attribute {clean(name)!r}: {known}.{hint}")
    wanted = value.strip().casefold()
    values = [_values(item.attributes.get(name, "")) for item in items]
    chosen = {index for index, own in enumerate(values) if wanted in own}
    if not chosen:
        hint = did_you_mean(wanted, sorted(set().union(*values)))
        raise UserError(f"No item has the {clean(name)} {clean(value)!r}.{hint}")
    return chosen


def _values(text: str) -> set[str]:
    return {part.strip().casefold() for part in (text, *text.split(PARTS))}
