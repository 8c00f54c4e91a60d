"""Methods that train weights of the base model themselves: which ones, and how they are kept."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import PreTrainedModel

from promptrec_tui.errors import UserError
from promptrec_tui.files import write_json
from promptrec_tui.models.blocks import check_layers
from promptrec_tui.models.config import HEADS
from promptrec_tui.models.loading import HEAD
from promptrec_tui.models.weights import read_header
from promptrec_tui.runs.tuning_settings import (
    FullSettings,
    HeadSettings,
    LastLayersSettings,
    NoneSettings,
    TuningSettings,
)
from promptrec_tui.text import clean

WEIGHTS_CONFIG = "tuning.json"
WEIGHTS = "tuned_weights.safetensors"
VOCABULARY = ("embed", "wte", "wpe", "project_in", "lm_head")
"""What the names of weights have that lie before the transformer blocks, or make logits of tokens."""


class Weights:
    """Weights of the base model train themselves; what they were is kept in the CPU's memory.

    Saved are the trained weights alone, under their names in the model of transformers, and beside them the
    settings.
    """

    def __init__(self, base: PreTrainedModel, settings: TuningSettings, trained: Collection[str]) -> None:
        """`trained`: names of parameters; all others are frozen."""
        self.model: Any = base
        self.settings = settings
        self._trained = {name: weight for name, weight in base.named_parameters() if name in trained}
        for weight in base.parameters():
            weight.requires_grad_(False)
        for weight in self._trained.values():
            weight.requires_grad_(True)
        self._aside = {name: weight.detach().to("cpu", copy=True) for name, weight in self._trained.items()}
        """The weights that are not in the model: inside `untuned` the tuned ones, else those of the base."""

    def save(self, folder: Path, base_name: str | None = None) -> None:
        """The trained weights in safetensors form, and the settings as JSON."""
        folder.mkdir(parents=True, exist_ok=True)
        if self._trained:
            weights = {name: weight.detach().contiguous() for name, weight in self._trained.items()}
            save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
        name = base_name or self.model.name_or_path
        write_json(
            folder / WEIGHTS_CONFIG,
            {"format": 1, "base_model": name, "settings": self.settings.model_dump()},
        )

    def exchange(self, folder: Path) -> None:
        """Other weights of the same names and shapes."""
        if not self._trained:
            return
        check_file(folder / WEIGHTS)
        weights = load_file(folder / WEIGHTS)
        shapes = {name: weight.shape for name, weight in self._trained.items()}
        check_weights(weights, shapes, shapes.keys(), folder / WEIGHTS)
        with torch.no_grad():
            for name, weight in self._trained.items():
                weight.copy_(weights[name])

    @contextmanager
    def untuned(self) -> Iterator[None]:
        """The weights of the base model are in the place of the trained ones."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self) -> None:
        """Exchange the weights in the model with those aside, one at a time."""
        with torch.no_grad():
            for name, weight in self._trained.items():
                present = weight.detach().to("cpu", copy=True)
                weight.copy_(self._aside[name])
                self._aside[name] = present


def full(base: PreTrainedModel, settings: FullSettings) -> Weights:
    """All weights train; those that are tied, as one."""
    return Weights(base, settings, {name for name, _ in base.named_parameters()})


def last_layers(base: PreTrainedModel, settings: LastLayersSettings) -> Weights:
    """The top transformer blocks train, and what follows them but the head over the vocabulary.

    Raises UserError when the model has fewer blocks.
    """
    count = int(base.config.num_hidden_layers)
    check_layers(settings.layers, count)
    blocks = next(
        name
        for name, module in base.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) == count
    )
    top = tuple(f"{blocks}.{index}." for index in range(count - settings.layers, count))
    trained = {
        name
        for name, _ in base.named_parameters()
        if name.startswith(top)
        or not (name.startswith(f"{blocks}.") or any(word in name for word in VOCABULARY))
    }
    return Weights(base, settings, trained)


def head(base: PreTrainedModel, settings: HeadSettings) -> Weights:
    """The head of a classifier trains. Raises UserError for a model without one."""
    if not hasattr(base, HEAD):
        raise UserError(
            "tuning.method=head trains the head of a classifier, and a model that writes answers has none: "
            "set tuning.method=last_layers with tuning.layers=1."
        )
    layers = HEADS[base.config.model_type]
    trained = {name for name, _ in base.named_parameters() if name.partition(".")[0] in layers}
    return Weights(base, settings, trained)


def none(base: PreTrainedModel, settings: NoneSettings) -> Weights:
    """Nothing trains."""
    return Weights(base, settings, ())


def check_weights(
    weights: Mapping[str, Tensor],
    known: Mapping[str, torch.Size],
    needed: Collection[str],
    file: Path,
) -> None:
    """Raise UserError unless `weights` have all the `needed` names and only `known` ones of their shapes."""
    missing = sorted(set(needed) - weights.keys())
    unexpected = sorted(name for name in weights if name not in known)
    shapes = sorted(name for name, weight in weights.items() if known.get(name, weight.shape) != weight.shape)
    problems = [
        f"{len(names)} weights {problem} ({', '.join(map(clean, names[:3]))}{', …' if names[3:] else ''})"
        for problem, names in (
            ("are missing", missing),
            ("are unknown", unexpected),
            ("have another size", shapes),
        )
        if names
    ]
    if problems:
        raise UserError(
            f"The adapter file {file} does not fit this model: {'; '.join(problems)}. "
            "Take it from a backup, or train it again."
        )


def check_file(file: Path) -> None:
    """Raise UserError unless `file` is a whole safetensors file."""
    if not file.is_file():
        raise UserError(f"The adapter {file.parent} has no {file.name}.")
    try:
        read_header(file)
    except (OSError, ValueError) as error:
        raise UserError(f"The adapter {file.parent} cannot be used: {file.name} {error}.") from error
