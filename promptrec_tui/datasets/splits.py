"""Splits: their usual names, and leave-one-out as a function of a user's sequence and a tie rule."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from promptrec_tui.datasets.faults import quoted
from promptrec_tui.errors import UserError

SPLITS = ("train", "valid", "test")
SPLIT_NAMES = {
    "train": "train", "training": "train", "trainset": "train", "tr": "train",
    "valid": "valid", "validation": "valid", "val": "valid", "dev": "valid", "development": "valid",
    "eval": "valid", "evaluation": "valid",
    "test": "test", "testing": "test", "testset": "test", "te": "test",
}  # fmt: skip

OUT_OF_SCOPE = "oos"
"""CLINC150's name for texts without an intent: oos_train belongs to train, with the label oos."""

TIE_RULES = ("line", "item")
"""The order of a user's events at the same timestamp: by line in the source, or by item id."""


def split_of(name: str) -> str | None:
    """The split that a name means, ignoring letter case; None for an unknown name."""
    plain = name.strip().casefold().replace("-", "_")
    return SPLIT_NAMES.get(plain) or SPLIT_NAMES.get(plain.removeprefix(f"{OUT_OF_SCOPE}_"))


def check_splits(meanings: Mapping[str, str]) -> dict[str, str]:
    """The given meanings of split names, by the name in lower case.

    Raises UserError for a meaning that is not one of SPLITS.
    """
    known_names = {}
    for name, meaning in meanings.items():
        known = split_of(meaning)
        if known is None:
            raise UserError(f"{quoted(meaning)} is no split: choose among {', '.join(SPLITS)}.")
        known_names[name.strip().casefold()] = known
    return known_names


def check_no_splits(meanings: Mapping[str, str]) -> None:
    """Raise UserError for meanings of splits where rows have no split."""
    if meanings:
        raise UserError("Interactions have no splits: a run splits them. Leave out --map-split.")


@dataclass(frozen=True)
class Split:
    """Positions in one user's sequence: targets to train on, one to validate on, one to test on."""

    training: range
    validation: int
    test: int


def leave_one_out(sequence: Sequence[int]) -> Split | None:
    """Last event = test, last but one = validation, every earlier one from the 3rd on = training.

    None for fewer than 3 events: no target would have a history.
    """
    events = len(sequence)
    return Split(range(2, max(2, events - 2)), events - 2, events - 1) if events >= 3 else None


def order(events: Sequence[tuple[int, int | None]], tie_rule: str) -> list[int]:
    """The item ids of one user's (item id, timestamp) events, which come in the order of the dataset file.

    Under "item" those at the same timestamp are ordered by item id, so that the lines of the source do not
    matter. Events without timestamps keep their order. Raises ValueError for an unknown rule.
    """
    if tie_rule not in TIE_RULES:
        raise ValueError(tie_rule)
    if tie_rule == "item" and all(timestamp is not None for _, timestamp in events):
        events = sorted(events, key=lambda event: (event[1], event[0]))
    return [item_id for item_id, _ in events]


@dataclass(frozen=True)
class LabelledSplit:
    """The ids of labelled texts to train on, to validate on and to test on; `drawn` names the parts that the
    source does not have, which were drawn from its training texts."""

    training: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]
    drawn: tuple[str, ...]


def split_labelled(splits: Iterable[tuple[int, str | None]], seed: int) -> LabelledSplit:
    """The parts of labelled texts, given as (id, split name of the source or None).

    Where the source has no validation or no test texts, each tenth of its training texts is drawn for it, by
    a hash of seed and id.
    """
    parts: dict[str, list[int]] = {"train": [], "valid": [], "test": []}
    for number, name in splits:
        parts[split_of(name or "") or "train"].append(number)
    lots = sorted(parts["train"], key=lambda number: sha256(f"{seed}:{number}".encode()).digest())
    share = max(1, len(lots) // 10)
    drawn = tuple(name for name in ("valid", "test") if not parts[name])
    for name in drawn:
        parts[name], lots = sorted(lots[:share]), lots[share:]
    return LabelledSplit(tuple(sorted(lots)), tuple(parts["valid"]), tuple(parts["test"]), drawn)
