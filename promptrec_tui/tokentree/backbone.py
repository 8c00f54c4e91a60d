"""A causal language model of transformers as a token tree uses it: hidden states, and logits on demand."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

LOGITS = 2**24
"""Logits that exist at a time (64 MiB in fp32)."""


def causal_of(model: Any) -> Any:
    """The model itself, out of the wrapper that peft puts around it; its adapters stay in its layers."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def hidden_states(model: Any, token_ids: Tensor, **options: Any) -> Tensor:
    """What the head of `model` would be given for `token_ids` [R, L]: [R, L, H]."""
    options.setdefault("use_cache", False)
    output = causal_of(model).base_model(input_ids=token_ids, **options)
    hidden: Tensor = output.last_hidden_state
    return hidden


def logits_of(model: Any, hidden: Tensor) -> Tensor:
    """The logits after hidden states [T, H], in fp32: [T, V]; what some models do to them included."""
    causal = causal_of(model)
    logits: Tensor = causal.get_output_embeddings()(hidden)
    # Granite divides, Gemma caps; the logits of all others are those of the head.
    if scaling := getattr(causal.config, "logits_scaling", None):
        logits = logits / scaling
    if cap := getattr(causal.config, "final_logit_softcapping", None):
        logits = torch.tanh(logits / cap) * cap
    return logits.float()


def chunk_of(model: Any) -> int:
    """How many positions the head may be given at once."""
    return max(1, LOGITS // int(causal_of(model).config.vocab_size))


def picked(model: Any, hidden: Tensor, sources: Tensor, labels: Tensor) -> Tensor:
    """log P of `labels` [E] after the positions `sources` [E] of `hidden` [T, H], in fp32: [E].

    `sources` must not fall. [T, V] never exists at once.
    """
    found = []
    step = chunk_of(model)
    for first in range(0, len(hidden), step):
        logits = logits_of(model, hidden[first : first + step])
        if len(hidden) > step:
            here = (sources >= first) & (sources < first + step)
            places, wanted = sources[here] - first, labels[here]
        else:
            places, wanted = sources, labels
        found.append(logits[places, wanted] - torch.logsumexp(logits, dim=-1)[places])
    return torch.cat(found) if found else hidden.new_empty(0, dtype=torch.float32)


def ancestor_mask(ends: Tensor, dtype: torch.dtype, past: int = 0) -> Tensor:
    """The mask [R, 1, T, past + T] under which the nodes of trees see `past` tokens and their ancestors.

    `ends` [R, T] as in `Tree`. Additive, since eager attention adds a bool mask too, to no effect.
    """
    rows, width = ends.shape
    place = torch.arange(width, device=ends.device)
    seen = (place[None, None, :] <= place[None, :, None]) & (place[None, :, None] < ends[:, None, :])
    mask = torch.zeros(rows, 1, width, past + width, dtype=dtype, device=ends.device)
    mask[:, 0, :, past:].masked_fill_(~seen, torch.finfo(dtype).min)
    return mask


def reach(model: Any) -> float:
    """How far back the most short-sighted layer sees, in tokens; inf where all layers see everything."""
    config = causal_of(model).config
    window = getattr(config, "sliding_window", None)
    # These slide by the window alone, whatever layer_types says.
    alone = config.model_type in ("mistral", "phi3", "starcoder2")
    kinds = None if alone else getattr(config, "layer_types", None)
    slides = window is not None if kinds is None else any(kind != "full_attention" for kind in kinds)
    return window if slides and window is not None else math.inf


def moves(model: Any) -> bool:
    """Whether a token's position hangs on the length of the whole text: then no prompt can be read once."""
    rope = getattr(causal_of(model).config, "rope_parameters", None) or {}
    return rope.get("rope_type") in ("longrope", "dynamic")


@contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """No dropout and no gradients inside; the mode as it was afterwards."""
    training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        model.train(training)
