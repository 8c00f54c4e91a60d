"""Hard rules of a question: values that items must have or must not have, or that few of them may share."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
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


def known_attributes(items: Sequence[Described], wanted: Iterable[str]) -> None:
    """Raise UserError for an attribute that no item has."""
    names = sorted({known for item in items for known in item.attributes})
    for name in wanted:
        if name not in names:
            known = f"they have {', '.join(map(clean, names))}" if names else "they have none"
            hint = did_you_mean(name, names)
            raise UserError(f"The items have no attribute {clean(name)!r}: {known}.{hint}")


def varied(
    best: Callable[[int], list[tuple[int, float]]],
    k: int,
    items: Sequence[Described],
    limits: Mapping[str, int],
) -> list[tuple[int, float]]:
    """The `k` items that come first if each one is left out whose value of an attribute is used up.

    `limits`: by attribute, how many items may share a value. `best(n)`: the n best (item, score), best first.
    Greedy: what is taken early is never given back. Raises UserError for an attribute that no item has.
    """
    known_attributes(items, limits)
    asked = k
    while True:
        ranked, used = best(asked), Counter[tuple[str, str]]()
        taken: list[tuple[int, float]] = []
        for item, score in ranked:
            values = [
                (name, value) for name in limits for value in _values(items[item].attributes.get(name, ""))
            ]
            if len(taken) < k and all(used[value] < limits[value[0]] for value in values):
                taken.append((item, score))
                used.update(values)
        if len(taken) == k or len(ranked) < asked:
            return taken
        asked *= 2


def _with(items: Sequence[Described], rule: tuple[str, ...]) -> set[int]:
    """The items that have the value of the attribute."""
    if len(rule) != 2:
        raise UserError("A rule is a pair of an attribute and a value.")
    name, value = rule
    known_attributes(items, [name])
    wanted = value.strip().casefold()
    values = [_values(item.attributes.get(name, "")) for item in items]
    chosen = {index for index, own in enumerate(values) if wanted in own}
    if not chosen:
        hint = did_you_mean(wanted, sorted(set().union(*values)))
        raise UserError(f"No item has the {clean(name)} {clean(value)!r}.{hint}")
    return chosen


def _values(text: str) -> set[str]:
    return {part.strip().casefold() for part in (text, *text.split(PARTS))} - {""}
