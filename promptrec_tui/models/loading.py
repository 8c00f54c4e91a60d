"""Base models and adapters as objects of transformers and peft: the one file of this room with torch."""

import json
from collections.abc import Mapping, Sequence
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
from transformers import (
    CONFIG_MAPPING,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    PreTrainedModel,
)
from transformers.pytorch_utils import Conv1D

from promptrec_tui.errors import UserError
from promptrec_tui.models.check import check_model, read_object
from promptrec_tui.models.config import code_problems, known_config
from promptrec_tui.models.weights import read_header
from promptrec_tui.text import clean

ADAPTER_WEIGHTS = "adapter_model.safetensors"
HEAD = "classifier"
"""Where the classes of transformers keep the layer that makes classes of an encoder's output."""

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


class LoraSettings(Protocol):
    """The tuning settings of a run that matter here. `targets` is "all-linear" or layer names by commas."""

    @property
    def rank(self) -> int: ...
    @property
    def alpha(self) -> int: ...
    @property
    def dropout(self) -> float: ...
    @property
    def targets(self) -> str: ...


def choose_device(setting: str) -> torch.device:
    """The device that `run.device` names: "cpu", "mps", "cuda:N" or a GPU's UUID.

    "auto" is CUDA where there is any, else MPS, else the CPU. Raises UserError for a device that is not here.
    """
    if setting == "auto":
        kind = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        return torch.device(kind, 0) if kind == "cuda" else torch.device(kind)
    if setting == "cpu" or (setting == "mps" and torch.backends.mps.is_available()):
        return torch.device(setting)
    gpus = [str(torch.cuda.get_device_properties(index).uuid) for index in range(torch.cuda.device_count())]
    for index, uuid in enumerate(gpus):
        if setting in (f"cuda:{index}", uuid, f"GPU-{uuid}") or (setting == "cuda" and index == 0):
            return torch.device("cuda", index)
    known = ["auto", "cpu", *(["mps"] if torch.backends.mps.is_available() else [])]
    known += [f"cuda:{index}" for index in range(len(gpus))]
    raise UserError(f'There is no device "{setting}" here: set run.device to {", ".join(known)}.')


def choose_dtype(precision: str, device: torch.device) -> torch.dtype:
    """The type of weights and activations for `train.precision`: "auto", "fp32" or "bf16".

    "auto" is bf16 on a GPU that has it, else fp32. Raises UserError for what `device` cannot do.
    """
    if precision == "auto":
        has_bf16 = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if has_bf16 else torch.float32
    if precision not in DTYPES:
        raise UserError(
            f'There is no precision "{precision}": set train.precision to auto, {", ".join(DTYPES)}.'
        )
    if device.type == "cpu" and precision != "fp32":
        raise UserError(f"A CPU computes in fp32 only: set train.precision to auto or fp32, not {precision}.")
    return DTYPES[precision]


def load_base(folder: Path, device: torch.device, dtype: torch.dtype) -> PreTrainedModel:
    """The causal base model of `folder` in evaluation mode; on a CPU always in fp32, whatever the file holds.

    The folder is checked first, and of its config only the known keys are used. Raises UserError when it is
    unsafe, incomplete, does not fit its config, or is of another family.
    """
    return _load(folder, device, dtype, "causal", AutoModelForCausalLM, {}, fresh=None)


def load_classifier(
    folder: Path, device: torch.device, dtype: torch.dtype, labels: Sequence[str]
) -> PreTrainedModel:
    """The encoder of `folder` with a fresh head of a logit for each of `labels`, as `load_base` loads.

    The head is all zeros, so that the untuned model finds every label equally likely.
    """
    names = dict(enumerate(labels))
    facts = {"id2label": names, "label2id": {label: index for index, label in names.items()}}
    model = _load(folder, device, dtype, "encoder", AutoModelForSequenceClassification, facts, fresh=HEAD)
    with torch.no_grad():
        for weight in model.get_submodule(HEAD).parameters():
            weight.zero_()
    return model


def _load(
    folder: Path,
    device: torch.device,
    dtype: torch.dtype,
    family: str,
    kind: Any,
    facts: Mapping[str, Any],
    fresh: str | None,
) -> PreTrainedModel:
    """A model of transformers' `kind`, its config with `facts`; the layer `fresh` may lack weights."""
    check = check_model(folder)
    if not check.ok:
        raise UserError(f"The model {folder} cannot be used: {' '.join(check.problems)}")
    if check.family != family:
        raise UserError(
            f"The model {folder} is of the family {check.family}, where one of {family} is needed."
        )
    config = {**known_config(read_object(folder / "config.json")), **facts}
    try:
        loaded: Any = kind.from_pretrained(
            str(folder),
            config=CONFIG_MAPPING[check.model_type].from_dict(config),
            dtype=torch.float32 if device.type == "cpu" else dtype,
            attn_implementation="sdpa",
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        reason = clean(str(error).strip().split("\n")[0])
        raise UserError(f"The model {folder} does not load: {reason}") from error
    model: PreTrainedModel = loaded[0]
    # transformers would fill these with random numbers and go on.
    missing = sorted(name for name in loaded[1]["missing_keys"] if name.partition(".")[0] != fresh)
    if missing:
        raise UserError(
            f"The model {folder} lacks {len(missing)} weights, {missing[0]} first: fetch the model again."
        )
    try:
        torch.nn.Module.to(model, device)
    except torch.OutOfMemoryError as error:
        weights = sum(weight.nbytes for weight in model.parameters())
        raise UserError(
            f"The GPU has no memory for the weights of {folder}, {weights / 2**30:.1f} GiB: free it of other "
            "programs, or choose a smaller model."
        ) from error
    model.train(False)
    return model


def add_lora(model: PreTrainedModel, settings: LoraSettings) -> PeftModel:
    """`model` with fresh low-rank adapters, the only weights that train beside a classifier's head.

    Raises UserError when no layer has one of the names in `targets`.
    """
    targets = settings.targets
    config = LoraConfig(
        task_type=TaskType.SEQ_CLS if hasattr(model, HEAD) else TaskType.CAUSAL_LM,
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        # A bare string would be read as a regular expression.
        target_modules=targets if targets == "all-linear" else targets.split(","),
    )
    try:
        return get_peft_model(model, config)
    except ValueError as error:
        names = {name.rsplit(".", 1)[-1] for name, module in model.named_modules() if _is_linear(module)}
        raise UserError(
            f"tuning.targets={targets} does not fit this model, whose layers are {', '.join(sorted(names))}."
        ) from error


def _is_linear(module: torch.nn.Module) -> bool:
    """Whether an adapter fits on `module` (GPT-2 has its own kind)."""
    return isinstance(module, torch.nn.Linear | Conv1D)


def load_adapter(model: PreTrainedModel, folder: Path) -> PeftModel:
    """`model` under the trained adapter in `folder`, frozen, in evaluation mode.

    Raises UserError when the folder is no LoRA adapter in safetensors form, or does not fit its own config.
    """
    _check_adapter(folder)
    try:
        loaded = PeftModel.from_pretrained(model, str(folder), is_trainable=False).eval()
    except (RuntimeError, ValueError) as error:
        reason = clean(str(error).strip().split("\n")[0])
        raise UserError(f"The adapter {folder} does not fit this model: {reason}") from error
    _check_keys(loaded, load_peft_weights(str(folder), device="cpu"), folder)
    return loaded


def exchange_adapter(model: PeftModel, folder: Path) -> None:
    """Put the weights of another adapter of the same settings in the place of those that `model` has.

    Raises UserError when the folder is no LoRA adapter in safetensors form, or when its weights are not
    exactly those of `model`'s adapter by name and shape; `model` is as it was then.
    """
    _check_adapter(folder)
    weights = load_peft_weights(str(folder), device="cpu")
    _check_keys(model, weights, folder)
    set_peft_model_state_dict(model, weights)


def _check_keys(model: PeftModel, weights: Mapping[str, torch.Tensor], folder: Path) -> None:
    """Raise UserError unless `weights` are all of the adapter's, and nothing that `model` does not know.

    peft puts in what fits and goes on with fresh numbers for the rest.
    """
    known = {name.replace(".default", ""): weight.shape for name, weight in model.state_dict().items()}
    # A saved adapter may bring layers of the base model, embeddings above all.
    trained = get_peft_model_state_dict(model, save_embedding_layers=False)
    known |= {name: weight.shape for name, weight in trained.items()}
    missing = sorted(trained.keys() - weights.keys())
    unexpected = sorted(name for name in weights if name not in known)
    shapes = sorted(name for name, weight in weights.items() if known.get(name, weight.shape) != weight.shape)
    problems = [
        f"{len(names)} weights {what} ({', '.join(map(clean, names[:3]))}{', …' if names[3:] else ''})"
        for what, names in (
            ("are missing", missing),
            ("are unknown", unexpected),
            ("have another size", shapes),
        )
        if names
    ]
    if problems:
        raise UserError(
            f"The adapter file {folder / ADAPTER_WEIGHTS} does not fit this model: {'; '.join(problems)}. "
            "Take it from a backup, or train it again."
        )


def _check_adapter(folder: Path) -> None:
    try:
        config = json.loads((folder / "adapter_config.json").read_bytes())
        kind = config["peft_type"]
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{folder} is no adapter: it has no readable adapter_config.json.") from None
    if kind != "LORA":
        raise UserError(f"The adapter {folder} is of the type {kind}; only LORA is used.")
    if problem := next(code_problems(config, "adapter_config.json"), None):
        raise UserError(f"The adapter {folder} cannot be used: {problem}")
    if not (folder / ADAPTER_WEIGHTS).is_file():
        raise UserError(f"The adapter {folder} has no {ADAPTER_WEIGHTS}.")
    try:
        read_header(folder / ADAPTER_WEIGHTS)
    except (OSError, ValueError) as error:
        raise UserError(f"The adapter {folder} cannot be used: {ADAPTER_WEIGHTS} {error}.") from error
