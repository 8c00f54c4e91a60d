"""Scores of titles in plain batches after the cached prompt, for models with sliding-window layers."""

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from typing import Any

import torch
from torch import Tensor
from transformers import Cache, DynamicCache
from transformers.cache_utils import CacheLayerMixin

from promptrec_tui.tokentree.backbone import causal_of, hidden_states, logits_of, picked
from promptrec_tui.tokentree.sizes import CPU


class _Behind(CacheLayerMixin):
    """A layer of a cache that was filled by one row, for forwards of many: it is looked at and never changed.

    Only one layer's keys and values exist for all rows at a time, while its attention is computed.
    """

    def __init__(self, layer: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._layer = layer
        self.is_sliding = layer.is_sliding
        self.is_initialized = True

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """The layer was filled already."""

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        sizes: tuple[int, int] = self._layer.get_mask_sizes(query_length)
        return sizes

    def get_seq_length(self) -> int:
        return int(self._layer.get_seq_length())

    def get_max_length(self) -> int:
        return int(self._layer.get_max_length())

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        layer, rows = copy(self._layer), len(key_states)
        layer.keys = layer.keys.expand(rows, -1, -1, -1)
        layer.values = layer.values.expand(rows, -1, -1, -1)
        extended: tuple[Tensor, Tensor] = layer.update(key_states, value_states, *args, **kwargs)
        return extended


def batched_scores(
    model: Any,
    prompt: Sequence[int],
    titles: Sequence[Sequence[int]],
    size: int = CPU.batch,
    tick: Callable[[], None] = lambda: None,
) -> Tensor:
    """Sum of log P over the tokens of each title after `prompt`, in fp32: [M]. Arguments as in `batches`."""
    first, rest = batches(model, prompt, titles, size, tick)
    logs = torch.log_softmax(logits_of(model, first)[0], dim=-1)
    scores = logs[torch.tensor([title[0] for title in titles], device=model.device)]
    for hidden, batch in rest:
        width = hidden.shape[1]
        sources: list[int] = []
        labels: list[int] = []
        owners: list[int] = []
        for row, index in enumerate(batch):
            title = titles[index]
            sources += range(row * width, row * width + len(title) - 1)
            labels += title[1:]
            owners += [index] * (len(title) - 1)
        places, wanted, titled = (
            torch.tensor(each, device=model.device) for each in (sources, labels, owners)
        )
        scores.index_add_(0, titled, picked(model, hidden.flatten(0, 1), places, wanted))
    return scores


def batches(
    model: Any,
    prompt: Sequence[int],
    titles: Sequence[Sequence[int]],
    size: int,
    tick: Callable[[], None],
) -> tuple[Tensor, Iterator[tuple[Tensor, list[int]]]]:
    """The hidden state after `prompt`, [1, H], and behind it the states of all longer titles in batches:
    after each token but the last one, [R, L, H], padded on the right, and the titles' indices.

    `size`: titles a forward. Calls `tick` before each. The model builds its masks and keeps its cache as it
    likes, so its sliding layers slide.
    """
    cache = DynamicCache(config=causal_of(model).config)
    prompt_ids = torch.tensor([list(prompt)], device=model.device)
    after = hidden_states(model, prompt_ids, past_key_values=cache, use_cache=True)[0, -1:]
    longer = [index for index, title in enumerate(titles) if len(title) > 1]
    order = sorted(longer, key=lambda index: len(titles[index]))

    def rest() -> Iterator[tuple[Tensor, list[int]]]:
        behind = Cache(layers=[_Behind(layer) for layer in cache.layers])
        for start in range(0, len(order), size):
            tick()
            batch = order[start : start + size]
            width = max(len(titles[index]) for index in batch) - 1
            token_ids = torch.zeros(len(batch), width, dtype=torch.long)
            for row, index in enumerate(batch):
                token_ids[row, : len(titles[index]) - 1] = torch.as_tensor(titles[index][:-1])
            ids = token_ids.to(model.device)
            yield hidden_states(model, ids, past_key_values=behind, use_cache=True), batch

    return after, rest()
