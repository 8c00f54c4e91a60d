"""The transformer blocks of a base model: how many there are, and how many of them can be tuned."""

from pathlib import Path

from promptrec_tui.errors import UserError
from promptrec_tui.models.check import read_object
from promptrec_tui.models.config import is_size
from promptrec_tui.models.sizes import LAYER_KEYS


def block_count(folder: Path) -> int | None:
    """The number of blocks by the config.json in `folder`; None where it has no usable one."""
    try:
        config = read_object(folder / "config.json")
    except ValueError:
        return None
    count = next((config[key] for key in LAYER_KEYS if key in config), None)
    return count if is_size(count) else None


def check_layers(layers: int, count: int) -> None:
    """Raise UserError when `tuning.layers` is above the `count` of blocks that the model has."""
    if layers > count:
        raise UserError(
            f"tuning.layers={layers} is more than this model has: set it to {count} at most, or set "
            "tuning.method=full."
        )
