"""Base models as objects of transformers, on a device and in a precision."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import (
    CONFIG_MAPPING,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    PreTrainedModel,
)

from promptrec_tui.errors import UserError
from promptrec_tui.models.check import check_model, read_object
from promptrec_tui.models.config import HEADS, known_config
from promptrec_tui.text import clean

HEAD = "classifier"
"""Where the classes of transformers keep the layer that makes classes of an encoder's output."""

EAGER = {"deberta-v2"}
"""Model types that have no other attention: theirs looks at relative positions."""

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


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
    return _load(folder, device, dtype, "causal", AutoModelForCausalLM, {})


def load_classifier(
    folder: Path, device: torch.device, dtype: torch.dtype, labels: Sequence[str], seed: int = 0
) -> PreTrainedModel:
    """The encoder of `folder` with a fresh head of a logit for each of `labels`, as `load_base` loads.

    The last layer is all zeros, so that the untuned model finds every label equally likely; `seed` decides
    the layers before it, where the folder has none.
    """
    names = dict(enumerate(labels))
    facts = {"id2label": names, "label2id": {label: index for index, label in names.items()}}
    torch.manual_seed(seed)
    model = _load(folder, device, dtype, "encoder", AutoModelForSequenceClassification, facts)
    head = model.get_submodule(HEAD)
    last = [module for module in head.modules() if isinstance(module, torch.nn.Linear)][-1]
    with torch.no_grad():
        for weight in last.parameters():
            weight.zero_()
    return model


def _load(
    folder: Path,
    device: torch.device,
    dtype: torch.dtype,
    family: str,
    kind: Any,
    facts: Mapping[str, Any],
) -> PreTrainedModel:
    """A model of transformers' `kind`, its config with `facts`; the head of a classifier may lack weights."""
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
            attn_implementation="eager" if check.model_type in EAGER else "sdpa",
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
    fresh = HEADS.get(check.model_type, ())
    missing = sorted(name for name in loaded[1]["missing_keys"] if name.partition(".")[0] not in fresh)
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
