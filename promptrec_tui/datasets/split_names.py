"""The splits by the names that files, columns and arrays give them: the one place that knows them."""

from collections.abc import Mapping

from promptrec_tui.datasets.places import quoted
from promptrec_tui.errors import UserError

SPLITS = ("train", "valid", "test")
SPLIT_NAMES = {
    "train": "train", "training": "train", "trainset": "train", "tr": "train",
    "valid": "valid", "validation": "valid", "val": "valid", "dev": "valid", "development": "valid",
    "eval": "valid", "evaluation": "valid",
    "test": "test", "testing": "test", "testset": "test", "te": "test",
}  # fmt: skip

OUT_OF_SCOPE = "oos"
"""How CLINC150 calls texts that no intent fits: oos_train goes with train, under the label oos."""


def split_of(name: str) -> str | None:
    """The split that a name means, whatever its letter case; None for a name that means none."""
    plain = name.strip().casefold().replace("-", "_")
    return SPLIT_NAMES.get(plain) or SPLIT_NAMES.get(plain.removeprefix(f"{OUT_OF_SCOPE}_"))


def check_splits(told: Mapping[str, str]) -> dict[str, str]:
    """What a person says that names of splits mean, by the name in small letters.

    Raises UserError for a meaning that is none of SPLITS.
    """
    found = {}
    for name, meaning in told.items():
        known = split_of(meaning)
        if known is None:
            raise UserError(f"{quoted(meaning)} is no split: choose among {', '.join(SPLITS)}.")
        found[name.strip().casefold()] = known
    return found


def check_no_splits(told: Mapping[str, str]) -> None:
    """Refuse, with UserError, meanings of splits where rows have none."""
    if told:
        raise UserError("Interactions have no splits: a run splits them. Leave out --map-split.")
