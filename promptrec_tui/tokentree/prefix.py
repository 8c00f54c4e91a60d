"""Prompts that a model has read once, and the tree nodes that it reads after them."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import Cache
from transformers.cache_utils import DynamicLayer

from promptrec_tui.tokentree.backbone import ancestor_mask, hidden_states, virtual_count
from promptrec_tui.tokentree.search import Expansion
from promptrec_tui.tokentree.tree import Ids, Tree


class _Pool(DynamicLayer):  # type: ignore[no-untyped-call]
    """Keys and values of a layer in a buffer with room to grow: new ones are written, not concatenated."""

    keys: Tensor
    values: Tensor
    used = 0
    most = 0
    """Columns that are ever wanted: the buffer doubles, but not beyond them."""
    wanted: Tensor | None = None
    """The columns that the next tokens look at; None: all."""

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        stop = self.used + key_states.shape[-2]
        if self.keys.numel() == 0 or stop > self.keys.shape[-2]:
            self.keys = self._grown(self.keys, key_states)
            self.values = self._grown(self.values, value_states)
        self.keys[..., self.used : stop, :] = key_states
        self.values[..., self.used : stop, :] = value_states
        self.used = stop
        if self.wanted is not None:
            return self.keys.index_select(-2, self.wanted), self.values.index_select(-2, self.wanted)
        return self.keys[..., :stop, :], self.values[..., :stop, :]

    def get_seq_length(self) -> int:
        return self.used

    def _grown(self, old: Tensor, new: Tensor) -> Tensor:
        *shape, length, size = new.shape
        wanted = self.used + length
        grown = new.new_empty(*shape, max(wanted, min(2 * wanted, self.most)), size)
        if self.used:
            grown[..., : self.used, :] = old[..., : self.used, :]
        return grown


def _pool(most: int) -> _Pool:
    layer = _Pool()  # type: ignore[no-untyped-call]
    layer.most = most
    return layer


class Prefix:
    """U prompts of up to P tokens, read, with their keys and values; what is read next sees them.

    `first` [U, H]: the hidden state after each prompt. `room`: nodes that are to be read behind the prompts,
    for all of which together memory is taken; more may be read at once, but are not kept room for.
    """

    def __init__(self, model: Any, prompts: Sequence[Sequence[int]], room: int = 0) -> None:
        self.model = model
        device = model.device
        virtual = virtual_count(model)
        # In tokens that later ones see, those before the prompt included.
        self.lengths = np.array([virtual + len(prompt) for prompt in prompts])
        self.width = int(self.lengths.max())
        self.most = self.width + room
        self.cache = Cache(layer_class_to_replicate=partial(_pool, self.most))  # type: ignore[arg-type]
        self._columns = [np.empty(0, np.int32)] * len(prompts)  # where each prompt's nodes lie in the pool
        token_ids = torch.zeros(len(prompts), self.width - virtual, dtype=torch.long)
        for row, prompt in enumerate(prompts):
            token_ids[row, : len(prompt)] = torch.as_tensor(prompt)
        # Shorter prompts are padded on their right, where a causal mask hides it from them.
        hidden = hidden_states(model, token_ids.to(device), past_key_values=self.cache, use_cache=True)
        last = torch.from_numpy(self.lengths - virtual - 1).to(device)
        self.first = hidden[torch.arange(len(prompts), device=device), last]

    def expand(self, expansions: Sequence[Expansion | None]) -> Tensor:
        """Hidden states of one expansion a prompt, which stay in the pool: [U, n, H], padded on the right."""
        model = self.model
        active = [user for user, each in enumerate(expansions) if each]
        count = max(len(each.tokens) for each in expansions if each)
        used = self.cache.get_seq_length()
        tokens = np.zeros((len(expansions), count), np.int64)
        positions = np.zeros((len(expansions), count), np.int64)
        looked_at = np.zeros(used + count, np.bool_)
        looked_at[: self.lengths[active].max()] = looked_at[used:] = True
        lines: list[Ids] = []  # of each active user: the columns that its nodes see, beside the prompt's
        for user in active:
            expansion = expansions[user]
            assert expansion is not None
            size = len(expansion.tokens)
            tokens[user, :size] = expansion.tokens
            positions[user, :size] = expansion.depths + self.lengths[user]
            self._columns[user] = np.append(self._columns[user], used + np.arange(size, dtype=np.int32))
            lines.append(np.where(expansion.lines >= 0, self._columns[user][expansion.lines], -1))
            looked_at[lines[-1][lines[-1] >= 0]] = True
        # Of the pool only the ancestors of these nodes matter: attention over the rest is work for nothing.
        wanted = np.flatnonzero(looked_at)
        place = np.append(np.cumsum(looked_at) - 1, len(wanted))  # of a column among the wanted; -1: the last
        seen = np.zeros((len(expansions), count, len(wanted) + 1), np.bool_)
        seen[:, :, 0] = True
        for user, line in zip(active, lines, strict=True):
            seen[user, : len(line), : self.lengths[user]] = True
            seen[user, np.arange(len(line))[:, None], place[line]] = True
        self._look_at(torch.from_numpy(wanted).to(model.device))
        hidden = hidden_states(
            model,
            torch.from_numpy(tokens).to(model.device),
            attention_mask=self._additive(seen[:, :, :-1])[:, None],
            position_ids=torch.from_numpy(positions).to(model.device),
            past_key_values=self.cache,
            use_cache=True,
        )
        self._look_at(None)
        return hidden

    def read(self, tree: Tree) -> Tensor:
        """Hidden states of a tree after the only prompt, which leave no trace: [T, H]."""
        assert len(self.lengths) == 1
        model = self.model
        ends = torch.from_numpy(tree.ends).to(model.device)[None]
        hidden = hidden_states(
            model,
            torch.from_numpy(tree.token_ids).to(model.device, torch.long)[None],
            attention_mask=ancestor_mask(ends, model.dtype, self.width),
            position_ids=torch.from_numpy(tree.depths).to(model.device, torch.long)[None] + self.width,
            past_key_values=self.cache,
            use_cache=True,
        )
        self.rewind()
        return hidden[0]

    @property
    def room(self) -> int:
        """Nodes that there is room for yet."""
        return self.most - self.cache.get_seq_length()

    def rewind(self) -> None:
        """Forget everything but the prompts."""
        layers: list[Any] = self.cache.layers
        for layer in layers:
            layer.used = self.width
        self._columns = [np.empty(0, np.int32)] * len(self.lengths)

    def _look_at(self, wanted: Tensor | None) -> None:
        layers: list[Any] = self.cache.layers
        for layer in layers:
            layer.wanted = wanted

    def _additive(self, seen: NDArray[np.bool_]) -> Tensor:
        dtype = self.model.dtype
        hidden = torch.from_numpy(~seen).to(self.model.device)
        return torch.zeros(seen.shape, dtype=dtype, device=self.model.device).masked_fill_(
            hidden, torch.finfo(dtype).min
        )
