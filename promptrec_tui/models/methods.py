"""Tuning methods: what of a base model trains, what is saved of it, and the untuned model beside it."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from pydantic import TypeAdapter
from transformers import PreTrainedModel

from promptrec_tui.errors import UserError
from promptrec_tui.files import read_json
from promptrec_tui.models import peft_adapters, trained_weights
from promptrec_tui.runs.tuning_settings import METHODS, TuningSettings


class Tuned(Protocol):
    """A base model under a tuning method."""

    model: Any
    """What is called: a model of transformers, or peft's wrapper around one."""

    def save(self, folder: Path, base_name: str | None = None) -> None:
        """Write the trained weights and what is needed to load them; `base_name`: what the files call the
        base model, its folder if None."""

    def exchange(self, folder: Path) -> None:
        """Put saved weights of the same method and settings in the place of those that the model has.

        Raises UserError when they are not exactly those by name and shape; the model is as it was then.
        """

    def untuned(self) -> AbstractContextManager[None]:
        """Inside, the model computes what its base model does, bit for bit."""


ATTACH: Mapping[str, Callable[[PreTrainedModel, Any], Tuned]] = {
    **dict.fromkeys((name for name, part in METHODS.items() if part.peft), peft_adapters.attach),
    "last_layers": trained_weights.last_layers,
    "head": trained_weights.head,
    "full": trained_weights.full,
    "none": trained_weights.none,
}


def attach(base: PreTrainedModel, settings: TuningSettings) -> Tuned:
    """`base` under a fresh method of these settings, whose weights alone train.

    Raises UserError where the settings do not fit the model.
    """
    return ATTACH[settings.method](base, settings)


def load_tuned(base: PreTrainedModel, folder: Path) -> Tuned:
    """`base` with the trained weights in `folder`, frozen, in evaluation mode.

    Raises UserError when they are not of a known method, not in safetensors form, or do not fit the model.
    """
    if not (folder / trained_weights.WEIGHTS_CONFIG).is_file():
        return peft_adapters.load(base, folder)
    try:
        config = read_json(folder / trained_weights.WEIGHTS_CONFIG)
        settings: TuningSettings = TypeAdapter(TuningSettings).validate_python(config["settings"])
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(
            f"{folder} cannot be used: it has no readable {trained_weights.WEIGHTS_CONFIG}."
        ) from None
    tuned = attach(base, settings)
    tuned.exchange(folder)
    for weight in base.parameters():
        weight.requires_grad_(False)
    base.train(False)
    return tuned
