"""A causal language model of transformers for token trees: hidden states, and logits where needed."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from transformers import DynamicCache

from promptrec_tui.errors import UserError
from promptrec_tui.tokentree.sizes import Shape, head_rows

T = TypeVar("T")


def causal_of(model: Any) -> Any:
    """The model itself, without peft's wrapper.

    Layers that a tuning method has changed stay changed. Virtual tokens, which a method puts before the
    tokens, belong to the wrapper: `hidden_states` adds them, a forward of the bare model does not.
    """
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def prompt_learning(model: Any) -> Any:
    """peft's settings of virtual tokens before every sequence; None without them."""
    config = getattr(model, "active_peft_config", None)
    # Inside disable_adapter() the model is the untuned one.
    return None if config is None or not config.is_prompt_learning or model._adapters_disabled else config


def virtual_count(model: Any) -> int:
    """The number of positions that virtual tokens take in the context."""
    config = prompt_learning(model)
    return 0 if config is None else int(config.num_virtual_tokens)


def hidden_states(model: Any, token_ids: Tensor, **options: Any) -> Tensor:
    """The input of the head of `model` for `token_ids` [R, L]: [R, L, H].

    Virtual tokens come first in each row, as embeddings or as keys and values of each layer, unless
    `past_key_values` is not empty and holds them already. The options `attention_mask` [R, 1, L, L]
    (additive) and `position_ids` [R, L] are for the tokens without virtual tokens.
    """
    options.setdefault("use_cache", False)
    causal, past = causal_of(model), options.get("past_key_values")
    count = 0 if past is not None and past.get_seq_length() else virtual_count(model)
    rows = len(token_ids)
    if not count:
        hidden: Tensor = causal.base_model(input_ids=token_ids, **options).last_hidden_state
        return hidden
    if "position_ids" in options:
        options["position_ids"] = options["position_ids"] + count
    if prompt_learning(model).peft_type == "PREFIX_TUNING":
        cache = DynamicCache() if past is None else past
        for number, layer in enumerate(model.get_prompt(batch_size=rows).layers):
            cache.update(layer.keys, layer.values, number)
        options["past_key_values"] = cache
        if "attention_mask" in options:
            options["attention_mask"] = functional.pad(options["attention_mask"], (count, 0))
        hidden = causal.base_model(input_ids=token_ids, **options).last_hidden_state
        return hidden
    virtual, embedded = model.get_prompt(batch_size=1)[0], causal.get_input_embeddings()(token_ids)
    if "position_ids" in options:
        first = torch.arange(count, device=token_ids.device).expand(rows, -1)
        options["position_ids"] = torch.cat([first, options["position_ids"]], dim=1)
    if "attention_mask" in options:
        options["attention_mask"] = _behind(count, options["attention_mask"])
    given = torch.cat([virtual.to(embedded.dtype).expand(rows, -1, -1), embedded], dim=1)
    hidden = causal.base_model(inputs_embeds=given, **options).last_hidden_state
    return hidden[:, count:]


def _behind(count: int, mask: Tensor) -> Tensor:
    """An additive mask [R, 1, L, L] after `count` tokens that all see: [R, 1, count + L, count + L]."""
    rows, _, width, _ = mask.shape
    shape = (rows, 1, count + width, count + width)
    whole = mask.new_full(shape, torch.finfo(mask.dtype).min).triu_(1)
    whole[..., count:, count:] = mask
    return whole


def logits_of(model: Any, hidden: Tensor, tokens: Tensor | None = None) -> Tensor:
    """The logits for hidden states [T, H], in fp32: [T, V], with the scaling or capping of some models.

    With `tokens` [L] only the logits of these, [T, L]: only their rows of the head are computed.
    """
    causal = causal_of(model)
    head = causal.get_output_embeddings()
    logits: Tensor
    if tokens is None:
        logits = head(hidden)
    elif type(head) is nn.Linear:
        bias = None if head.bias is None else head.bias[tokens]
        logits = functional.linear(hidden, head.weight[tokens], bias)
    else:
        # An adapter around the head adds to what its weights alone would give.
        logits = head(hidden)[:, tokens]
    # Granite divides, Gemma caps; the logits of all others are those of the head.
    if scaling := getattr(causal.config, "logits_scaling", None):
        logits = logits / scaling
    if cap := getattr(causal.config, "final_logit_softcapping", None):
        logits = torch.tanh(logits / cap) * cap
    return logits.float()


def chunk_of(model: Any) -> int:
    """How many positions the head may take at once, by the free memory."""
    return head_rows(int(causal_of(model).config.vocab_size), free_bytes(model.device))


def picked(model: Any, hidden: Tensor, sources: Tensor, labels: Tensor) -> Tensor:
    """log P of `labels` [E] after the positions `sources` [E] of `hidden` [T, H], in fp32: [E].

    `sources` must not decrease. [T, V] is never held in memory at once.
    """
    parts = []
    step = chunk_of(model)
    for first in range(0, len(hidden), step):
        logits = logits_of(model, hidden[first : first + step])
        if len(hidden) > step:
            here = (sources >= first) & (sources < first + step)
            places, wanted = sources[here] - first, labels[here]
        else:
            places, wanted = sources, labels
        parts.append(logits[places, wanted] - torch.logsumexp(logits, dim=-1)[places])
    return torch.cat(parts) if parts else hidden.new_empty(0, dtype=torch.float32)


def picked_among(
    model: Any,
    hidden: Tensor,
    sources: NDArray[np.integer[Any]],
    labels: NDArray[np.integer[Any]],
    temperature: float = 1.0,
) -> Tensor:
    """log P of `labels` [E] after the positions `sources` [E] of `hidden` [T, H], in fp32: [E], where only
    the labels of the same position are possible: a softmax over their logits / `temperature`.

    `sources` must not fall, and no label be twice after one position.
    """
    parts = []
    step = chunk_of(model)
    places, firsts, sizes = np.unique(sources, return_index=True, return_counts=True)
    for first in range(0, len(places), step):
        here = slice(first, first + step)
        edges = slice(firsts[first], firsts[first] + sizes[here].sum())
        tokens, columns = np.unique(labels[edges], return_inverse=True)
        rows = np.repeat(np.arange(len(sizes[here])), sizes[here])
        allowed = np.zeros((len(sizes[here]), len(tokens)), np.bool_)
        allowed[rows, columns] = True
        at, among, barred, row, column = (
            torch.from_numpy(array).to(hidden.device)
            for array in (places[here].astype(np.int64), tokens.astype(np.int64), ~allowed, rows, columns)
        )
        logits = logits_of(model, hidden[at], among) / temperature
        parts.append(torch.log_softmax(logits.masked_fill(barred, -math.inf), dim=-1)[row, column])
    return torch.cat(parts) if parts else hidden.new_empty(0, dtype=torch.float32)


def shape_of(model: Any) -> Shape:
    """The sizes of a model that determine its memory use, from its config."""
    config = causal_of(model).config
    hidden, heads = int(config.hidden_size), int(config.num_attention_heads)
    named = [getattr(config, name, None) for name in ("intermediate_size", "ffn_dim", "n_inner")]
    return Shape(
        layers=int(config.num_hidden_layers),
        hidden=hidden,
        inner=int(next(filter(None, named), 4 * hidden)),
        heads=heads,
        groups=int(getattr(config, "num_key_value_heads", None) or heads),
        head=int(getattr(config, "head_dim", None) or hidden // heads),
        vocabulary=int(config.vocab_size),
        number=torch.finfo(model.dtype).bits // 8,
    )


def free_bytes(device: torch.device) -> int | None:
    """The free GPU memory for this process, in bytes; None for a CPU, which has fixed sizes."""
    if device.type == "cuda":
        # Memory that torch has cached but does not use counts as free: torch releases it when needed.
        held = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + held
    if device.type == "mps":
        return max(0, torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory())
    return None


def training_room(model: Any) -> int | None:
    """`free_bytes` minus the gradients and the two moments of the trained weights."""
    free = free_bytes(model.device)
    if free is None:
        return None
    trained: int = sum(weight.nbytes for weight in model.parameters() if weight.requires_grad)
    return max(0, free - 3 * trained)


class NoMemoryError(UserError):
    """The device has too little memory even for the smallest forward of a request. The process continues."""

    def __init__(self) -> None:
        super().__init__(
            "The GPU has no memory to score titles, not even a few for one user: end other programs on it, "
            "or take a smaller data.max_history or base model in a fork."
        )


def within_memory(attempt: Callable[[], T], smaller: Callable[[], bool]) -> T:
    """The result of `attempt`, which is repeated after each `smaller()` while memory is short.

    `smaller` reduces the size of forwards; it returns False if that is impossible: then NoMemoryError is
    raised.
    """
    while True:
        try:
            return attempt()
        except torch.OutOfMemoryError as error:
            if not smaller():
                raise NoMemoryError from error
        # Outside the except block, because the traceback of the error keeps tensors alive.
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def ancestor_mask(ends: Tensor, dtype: torch.dtype, past: int = 0) -> Tensor:
    """The mask [R, 1, T, past + T] under which the nodes of trees see `past` tokens and their ancestors.

    `ends` [R, T] as in `Tree`. Additive, because eager attention adds a bool mask too, which has no effect.
    """
    rows, width = ends.shape
    place = torch.arange(width, device=ends.device)
    seen = (place[None, None, :] <= place[None, :, None]) & (place[None, :, None] < ends[:, None, :])
    mask = torch.zeros(rows, 1, width, past + width, dtype=dtype, device=ends.device)
    mask[:, 0, :, past:].masked_fill_(~seen, torch.finfo(dtype).min)
    return mask


def reach(model: Any) -> float:
    """The smallest attention window of all layers, in tokens; inf if all layers see everything."""
    config = causal_of(model).config
    window = getattr(config, "sliding_window", None)
    # These types use a sliding window regardless of layer_types.
    alone = config.model_type in ("mistral", "phi3", "starcoder2")
    kinds = None if alone else getattr(config, "layer_types", None)
    slides = window is not None if kinds is None else any(kind != "full_attention" for kind in kinds)
    return window if slides and window is not None else math.inf


def moves(model: Any) -> bool:
    """Whether a token's position depends on the length of the whole text: then prompts cannot be cached."""
    rope = getattr(causal_of(model).config, "rope_parameters", None) or {}
    return rope.get("rope_type") in ("longrope", "dynamic")


@contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """Disable dropout and gradients in this block, and restore the mode afterwards."""
    training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        model.train(training)
