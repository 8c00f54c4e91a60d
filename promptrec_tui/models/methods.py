"""Tuning methods: what of a base model trains, what is saved of it, and the untuned model beside it."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

import torch
from peft import (
    LoraConfig,
    PeftModel,
    TaskType,
    get_peft_model,
    get_peft_model_state_dict,
    load_peft_weights,
    set_peft_model_state_dict,
)
from pydantic import TypeAdapter
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from promptrec_tui.errors import UserError
from promptrec_tui.files import read_json, write_json
from promptrec_tui.models.blocks import check_layers
from promptrec_tui.models.config import code_problems
from promptrec_tui.models.loading import HEAD
from promptrec_tui.models.weights import read_header
from promptrec_tui.runs.spec import FullSettings, LastLayersSettings, LoraSettings, TuningSettings
from promptrec_tui.text import clean

ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
WEIGHTS_CONFIG = "tuning.json"
WEIGHTS = "tuned_weights.safetensors"
VOCABULARY = ("embed", "wte", "wpe", "project_in", "lm_head")
"""What the names of weights have that lie before the transformer blocks, or make logits of tokens."""


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


class Lora:
    """Low-rank adapters beside frozen weights (Hu et al. 2022), and a classifier's head."""

    def __init__(self, model: PeftModel) -> None:
        self.model = model

    @classmethod
    def attach(cls, base: PreTrainedModel, settings: LoraSettings) -> "Lora":
        """Fresh adapters. Raises UserError when no layer has one of the names in `targets`."""
        targets = settings.targets
        config = LoraConfig(
            task_type=TaskType.SEQ_CLS if hasattr(base, HEAD) else TaskType.CAUSAL_LM,
            r=settings.rank,
            lora_alpha=settings.alpha,
            lora_dropout=settings.dropout,
            # A bare string would be read as a regular expression.
            target_modules=targets if targets == "all-linear" else targets.split(","),
        )
        try:
            return cls(get_peft_model(base, config))
        except ValueError as error:
            names = {name.rsplit(".", 1)[-1] for name, module in base.named_modules() if _is_linear(module)}
            raise UserError(
                f"tuning.targets={targets} does not fit this model, whose layers are "
                f"{', '.join(sorted(names))}."
            ) from error

    @classmethod
    def load(cls, base: PreTrainedModel, folder: Path) -> "Lora":
        """Trained adapters, frozen, in evaluation mode."""
        _check_adapter(folder)
        try:
            model = PeftModel.from_pretrained(base, str(folder), is_trainable=False).eval()
        except (RuntimeError, ValueError) as error:
            reason = clean(str(error).strip().split("\n")[0])
            raise UserError(f"The adapter {folder} does not fit this model: {reason}") from error
        _check_adapter_weights(model, load_peft_weights(str(folder), device="cpu"), folder)
        return cls(model)

    def save(self, folder: Path, base_name: str | None = None) -> None:
        """A plain peft folder."""
        config = self.model.peft_config["default"]
        path = config.base_model_name_or_path
        config.base_model_name_or_path = base_name or path
        self.model.save_pretrained(str(folder), save_embedding_layers=False)
        config.base_model_name_or_path = path

    def exchange(self, folder: Path) -> None:
        """Other adapters of the same settings."""
        _check_adapter(folder)
        weights = load_peft_weights(str(folder), device="cpu")
        _check_adapter_weights(self.model, weights, folder)
        set_peft_model_state_dict(self.model, weights)

    def untuned(self) -> AbstractContextManager[None]:
        """The adapters are switched off."""
        return self.model.disable_adapter()


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

    @classmethod
    def load(cls, base: PreTrainedModel, folder: Path) -> Tuned:
        """Trained weights in the place of those of the base model, frozen, in evaluation mode."""
        try:
            config = read_json(folder / WEIGHTS_CONFIG)
            settings: TuningSettings = TypeAdapter(TuningSettings).validate_python(config["settings"])
        except (OSError, ValueError, KeyError, TypeError):
            raise UserError(f"{folder} cannot be used: it has no readable {WEIGHTS_CONFIG}.") from None
        tuned = attach(base, settings)
        tuned.exchange(folder)
        for weight in base.parameters():
            weight.requires_grad_(False)
        base.train(False)
        return tuned

    def save(self, folder: Path, base_name: str | None = None) -> None:
        """The trained weights in safetensors form, and the settings as JSON."""
        folder.mkdir(parents=True, exist_ok=True)
        weights = {name: weight.detach().contiguous() for name, weight in self._trained.items()}
        save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
        name = base_name or self.model.name_or_path
        write_json(
            folder / WEIGHTS_CONFIG,
            {"format": 1, "base_model": name, "settings": self.settings.model_dump()},
        )

    def exchange(self, folder: Path) -> None:
        """Other weights of the same names and shapes."""
        _check_file(folder / WEIGHTS)
        weights = load_file(folder / WEIGHTS)
        shapes = {name: weight.shape for name, weight in self._trained.items()}
        _check_weights(weights, shapes, shapes.keys(), folder / WEIGHTS)
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


ATTACH: Mapping[str, Callable[[PreTrainedModel, Any], Tuned]] = {
    "lora": Lora.attach,
    "full": full,
    "last_layers": last_layers,
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
    return (Weights if (folder / WEIGHTS_CONFIG).is_file() else Lora).load(base, folder)


def _is_linear(module: nn.Module) -> bool:
    """Whether an adapter fits on `module` (GPT-2 has its own kind)."""
    return isinstance(module, nn.Linear | Conv1D)


def _check_adapter_weights(model: PeftModel, weights: Mapping[str, Tensor], folder: Path) -> None:
    """Raise UserError unless `weights` are all of the adapter's, and nothing that `model` does not know.

    peft puts in what fits and goes on with fresh numbers for the rest.
    """
    known = {name.replace(".default", ""): weight.shape for name, weight in model.state_dict().items()}
    # A saved adapter may bring layers of the base model, embeddings above all.
    trained = get_peft_model_state_dict(model, save_embedding_layers=False)
    shapes = {name: weight.shape for name, weight in trained.items()}
    _check_weights(weights, known | shapes, shapes.keys(), folder / ADAPTER_WEIGHTS)


def _check_weights(
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


def _check_adapter(folder: Path) -> None:
    """Raise UserError unless `folder` holds a LoRA adapter in safetensors form, without code."""
    try:
        config = json.loads((folder / ADAPTER_CONFIG).read_bytes())
        kind = config["peft_type"]
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{folder} is no adapter: it has no readable {ADAPTER_CONFIG}.") from None
    if kind != "LORA":
        raise UserError(f"The adapter {folder} is of the type {kind}; only LORA is used.")
    if problem := next(code_problems(config, ADAPTER_CONFIG), None):
        raise UserError(f"The adapter {folder} cannot be used: {problem}")
    _check_file(folder / ADAPTER_WEIGHTS)


def _check_file(file: Path) -> None:
    """Raise UserError unless `file` is a whole safetensors file."""
    if not file.is_file():
        raise UserError(f"The adapter {file.parent} has no {file.name}.")
    try:
        read_header(file)
    except (OSError, ValueError) as error:
        raise UserError(f"The adapter {file.parent} cannot be used: {file.name} {error}.") from error
