"""Methods of peft: small trained parts beside frozen weights, in folders that peft itself reads."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from peft import (
    IA3Config,
    LoraConfig,
    OFTConfig,
    PeftConfig,
    PeftModel,
    PrefixTuningConfig,
    PromptEncoderConfig,
    PromptTuningConfig,
    TaskType,
    VeraConfig,
    get_peft_model,
    get_peft_model_state_dict,
    load_peft_weights,
    set_peft_model_state_dict,
)
from peft.utils import ModulesToSaveWrapper
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from promptrec_tui.errors import UserError
from promptrec_tui.models.config import HEADS, code_problems
from promptrec_tui.models.loading import HEAD
from promptrec_tui.models.trained_weights import check_file, check_weights
from promptrec_tui.runs.tuning_settings import TuningSettings
from promptrec_tui.text import clean

ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
NETWORK_WEIGHTS = "prompt_network.safetensors"
"""What makes virtual tokens while they train; peft keeps the tokens alone."""

TYPES = ("LORA", "VERA", "IA3", "OFT", "PROMPT_TUNING", "P_TUNING", "PREFIX_TUNING")
"""peft's names for the methods."""


def modules(names: str) -> Any:
    """The value of `target_modules`; a bare string other than all-linear would be a regular expression."""
    return {"auto": None, "all-linear": "all-linear"}.get(names, names.split(","))


def low_rank(settings: Any) -> PeftConfig:
    """LoRA and its variants."""
    return LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=modules(settings.targets),
        use_rslora=settings.method == "rslora",
        use_dora=settings.method == "dora",
    )


CONFIGS: Mapping[str, Callable[[Any], PeftConfig]] = {
    "lora": low_rank,
    "rslora": low_rank,
    "dora": low_rank,
    "vera": lambda own: VeraConfig(r=own.rank, vera_dropout=own.dropout, target_modules=modules(own.targets)),
    "ia3": lambda own: IA3Config(
        target_modules=modules(own.targets), feedforward_modules=None if own.targets == "auto" else []
    ),
    "oft": lambda own: OFTConfig(
        r=0,
        oft_block_size=own.block_size,
        module_dropout=own.dropout,
        target_modules=modules(own.targets),
    ),
    "prompt_tuning": lambda own: PromptTuningConfig(num_virtual_tokens=own.tokens),
    "p_tuning": lambda own: PromptEncoderConfig(num_virtual_tokens=own.tokens, encoder_hidden_size=own.width),
    "prefix_tuning": lambda own: PrefixTuningConfig(num_virtual_tokens=own.tokens),
}


SCALED: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {
    "distilbert": (("k_lin", "v_lin", "lin2"), ("lin2",)),
    "electra": (("key", "value", "output.dense"), ("output.dense",)),
    "xlm-roberta": (("key", "value", "output.dense"), ("output.dense",)),
}
"""The layers that (IA)³ scales, and those of them that it scales at their input, where peft has no list."""

NO_PAST = "they read no keys of a prefix; set tuning.method=prompt_tuning."
UNFIT = {
    ("deberta-v2", "prefix_tuning"): NO_PAST,
    ("distilbert", "prefix_tuning"): NO_PAST,
    ("modernbert", "prefix_tuning"): NO_PAST,
    ("modernbert", "p_tuning"): "peft takes its network for their head; set tuning.method=prompt_tuning.",
}


class Adapter:
    """A model under a method of peft, and a classifier's head, which trains too."""

    def __init__(self, model: PeftModel) -> None:
        self.model = model

    def save(self, folder: Path, base_name: str | None = None) -> None:
        """A plain peft folder; beside it the network that makes virtual tokens, where there is one."""
        config = self.model.peft_config["default"]
        path = config.base_model_name_or_path
        config.base_model_name_or_path = base_name or path
        self.model.save_pretrained(str(folder), save_embedding_layers=False)
        config.base_model_name_or_path = path
        if network := self._network():
            weights = {name: weight.detach().contiguous() for name, weight in network.state_dict().items()}
            save_file(weights, folder / NETWORK_WEIGHTS, metadata={"format": "pt"})

    def exchange(self, folder: Path) -> None:
        """Other adapters of the same settings."""
        _check_adapter(folder)
        weights = load_peft_weights(str(folder), device="cpu")
        _check_adapter_weights(self.model, weights, folder)
        if network := self._network():
            check_file(folder / NETWORK_WEIGHTS)
            made_by = load_file(folder / NETWORK_WEIGHTS)
            shapes = {name: weight.shape for name, weight in network.state_dict().items()}
            check_weights(made_by, shapes, shapes.keys(), folder / NETWORK_WEIGHTS)
            # peft would put the tokens in the place of the network's input.
            heads = {name: weight for name, weight in weights.items() if name != "prompt_embeddings"}
            set_peft_model_state_dict(self.model, heads | {"prompt_embeddings": made_by["embedding.weight"]})
            network.load_state_dict(made_by)
        else:
            set_peft_model_state_dict(self.model, weights)

    @contextmanager
    def untuned(self) -> Iterator[None]:
        """The adapters are switched off, and the head is the one that the model began with."""
        if not self.model.active_peft_config.is_prompt_learning:
            with self.model.disable_adapter():
                yield
            return
        # peft's own switch leaves a trained head in its place under these methods, and fails on classifiers.
        model: Any = self.model
        heads = [module for module in model.modules() if isinstance(module, ModulesToSaveWrapper)]
        model.forward, model._adapters_disabled = model.base_model.forward, True
        for head in heads:
            head.enable_adapters(False)
        try:
            yield
        finally:
            del model.forward
            model._adapters_disabled = False
            for head in heads:
                head.enable_adapters(True)

    def _network(self) -> nn.Module | None:
        """The network that makes virtual tokens from their embeddings; None in a loaded model."""
        encoders = getattr(self.model, "prompt_encoder", None)
        encoder = encoders["default"] if encoders else None
        return encoder if encoder is not None and len(encoder.state_dict()) > 1 else None


def attach(base: PreTrainedModel, settings: TuningSettings) -> Adapter:
    """Fresh adapters. Raises UserError when the method, or the names in `targets`, do not fit the model."""
    kind = base.config.model_type
    if problem := UNFIT.get((kind, settings.method)):
        raise UserError(f"tuning.method={settings.method} does not fit {kind} models: {problem}")
    config: Any = CONFIGS[settings.method](settings)
    config.task_type = TaskType.SEQ_CLS if hasattr(base, HEAD) else TaskType.CAUSAL_LM
    # peft itself saves the last layer of a classifier; what comes before it may be fresh too.
    if before := [name for name in HEADS.get(kind, ()) if name != HEAD]:
        config.modules_to_save = before
    if settings.method == "ia3" and config.target_modules is None and kind in SCALED:
        config.target_modules, config.feedforward_modules = map(set, SCALED[kind])
    if kind == "distilbert" and config.is_prompt_learning:
        # peft does not know the names of these sizes.
        config.token_dim, config.num_layers = base.config.hidden_size, base.config.num_hidden_layers
        config.num_attention_heads = base.config.num_attention_heads
    try:
        return Adapter(get_peft_model(base, config))
    except (ValueError, TypeError, RuntimeError, KeyError, AttributeError) as error:
        raise _unfit(base, settings, error) from error


def load(base: PreTrainedModel, folder: Path) -> Adapter:
    """Trained adapters, frozen, in evaluation mode. Raises UserError when they do not fit the model."""
    _check_adapter(folder)
    try:
        model = PeftModel.from_pretrained(base, str(folder), is_trainable=False).eval()
    except (RuntimeError, ValueError) as error:
        reason = clean(str(error).strip().split("\n")[0])
        raise UserError(f"The adapter {folder} does not fit this model: {reason}") from error
    _check_adapter_weights(model, load_peft_weights(str(folder), device="cpu"), folder)
    # peft leaves virtual tokens trainable.
    for weight in model.parameters():
        weight.requires_grad_(False)
    return Adapter(model)


def _unfit(base: PreTrainedModel, settings: Any, error: Exception) -> UserError:
    """What is said where a method does not fit a model: the names of its layers, or the nearest method."""
    names = {
        name.rsplit(".", 1)[-1]
        for name, module in base.named_modules()
        if isinstance(module, nn.Linear | Conv1D)
    }
    layers, method = ", ".join(sorted(names)), settings.method
    targets = getattr(settings, "targets", None)
    if targets == "auto":
        return UserError(
            f"tuning.method={method} knows no layers of {base.config.model_type} models: name some in "
            f"tuning.targets, of {layers}."
        )
    if targets is not None and targets != "all-linear":
        return UserError(f"tuning.targets={targets} does not fit this model, whose layers are {layers}.")
    reason = clean(str(error).strip().split("\n")[0])
    return UserError(f"tuning.method={method} does not fit this model ({reason}): set tuning.method=lora.")


def _check_adapter_weights(model: PeftModel, weights: Mapping[str, Tensor], folder: Path) -> None:
    """Raise UserError unless `weights` are all of the adapter's, and nothing that `model` does not know.

    peft puts in what fits and goes on with fresh numbers for the rest.
    """
    known = {name.replace(".default", ""): weight.shape for name, weight in model.state_dict().items()}
    # A saved adapter may bring layers of the base model, embeddings above all.
    trained = get_peft_model_state_dict(model, save_embedding_layers=False)
    shapes = {name: weight.shape for name, weight in trained.items()}
    check_weights(weights, known | shapes, shapes.keys(), folder / ADAPTER_WEIGHTS)


def _check_adapter(folder: Path) -> None:
    """Raise UserError unless `folder` holds an adapter of a known type, in safetensors form, without code."""
    try:
        config = json.loads((folder / ADAPTER_CONFIG).read_bytes())
        kind = config["peft_type"]
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{folder} is no adapter: it has no readable {ADAPTER_CONFIG}.") from None
    if kind not in TYPES:
        raise UserError(
            f"The adapter {folder} is of the type {clean(str(kind))}: known are {', '.join(TYPES)}."
        )
    if problem := next(code_problems(config, ADAPTER_CONFIG), None):
        raise UserError(f"The adapter {folder} cannot be used: {problem}")
    check_file(folder / ADAPTER_WEIGHTS)
