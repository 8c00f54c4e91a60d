"""Scores of titles in plain batches behind the cached prompt: the way for layers that see a window only."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from promptrec_tui.tokentree.backbone import causal_of, hidden_states, logits_of, picked

BATCH = 64
"""Titles a forward."""


def batched_scores(
    model: Any,
    prompt: Sequence[int],
    titles: Sequence[Sequence[int]],
    tick: Callable[[], None] = lambda: None,
) -> Tensor:
    """Sum of log P over the tokens of each title after `prompt`, in fp32: [M].

    Calls `tick` before each batch of titles. The model builds its masks and keeps its cache as it likes, so
    its sliding layers slide.
    """
    cache = DynamicCache(config=causal_of(model).config)
    prompt_ids = torch.tensor([list(prompt)], device=model.device)
    after = hidden_states(model, prompt_ids, past_key_values=cache, use_cache=True)[0, -1:]
    first = torch.log_softmax(logits_of(model, after)[0], dim=-1)
    scores = first[torch.tensor([title[0] for title in titles], device=model.device)]
    longer = [index for index, title in enumerate(titles) if len(title) > 1]
    order = sorted(longer, key=lambda index: len(titles[index]))
    for start in range(0, len(order), BATCH):
        tick()
        batch = order[start : start + BATCH]
        width = max(len(titles[index]) for index in batch) - 1
        token_ids = torch.zeros(len(batch), width, dtype=torch.long)
        sources: list[int] = []
        labels: list[int] = []
        owners: list[int] = []
        for row, index in enumerate(batch):
            title = titles[index]
            token_ids[row, : len(title) - 1] = torch.as_tensor(title[:-1])
            sources += range(row * width, row * width + len(title) - 1)
            labels += title[1:]
            owners += [index] * (len(title) - 1)
        copy = deepcopy(cache)
        copy.batch_repeat_interleave(len(batch))
        hidden = hidden_states(model, token_ids.to(model.device), past_key_values=copy, use_cache=True)
        places, wanted, titled = (
            torch.tensor(each, device=model.device) for each in (sources, labels, owners)
        )
        scores.index_add_(0, titled, picked(model, hidden.flatten(0, 1), places, wanted))
    return scores
