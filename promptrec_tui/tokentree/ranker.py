"""Exact log-probabilities of every title of a catalogue after a prompt, and the rankings they give."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from promptrec_tui.tokentree.trie import TrieRow, pack_rows

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel

# Tree nodes a forward. On a CPU more only widens the attention; a GPU wants few big forwards.
CPU_NODES, GPU_NODES = 256, 1024


def top_of(scores: Tensor, k: int) -> list[tuple[int, float]]:
    """The `k` best (index, score) of `scores` [N], best first, ties by index; -inf is never among them."""
    values, indices = torch.sort(scores.cpu(), descending=True, stable=True)
    best = zip(indices[:k].tolist(), values[:k].tolist(), strict=True)
    return [(index, value) for index, value in best if value > -math.inf]


def rank_in(scores: Tensor, target: int, cap: int | None = None) -> float:
    """`1 + better + equal/2` of `target` among `scores` [N].

    A rank beyond `cap` is inf; a NaN anywhere makes it NaN, because nothing true can be said then.
    """
    if bool(scores.isnan().any()):
        return math.nan
    own = scores[target]
    equal = int((scores == own).sum()) - 1
    rank = 1 + int((scores > own).sum()) + equal / 2
    return math.inf if cap is not None and rank > cap else rank


class Ranker:
    """Scores all titles of a catalogue by the exact sum of log P over their tokens, given a prompt.

    The prompt is computed once and its keys and values serve every title. Titles are merged into a token tree
    and laid out as rows of up to `batch_size` nodes under a mask in which a token sees the prompt and its own
    beginning only, so no token is padding and none is computed twice in a row. Titles of equal tokens are
    scored once and so have equal scores.

    `model` is a causal language model of transformers, or peft around one; its weights are read at each call,
    so one ranker serves a whole training. `catalogue` holds one non-empty sequence of token ids a title.
    """

    def __init__(
        self,
        model: "PreTrainedModel | PeftModel",
        catalogue: Sequence[Sequence[int]],
        batch_size: int | None = None,
    ) -> None:
        """Raises ValueError for an empty title, or an attention that takes no mask of ours."""
        if not catalogue or not all(len(title) for title in catalogue):
            raise ValueError("A catalogue needs at least one title, and each title at least one token.")
        attention = model.config._attn_implementation
        if attention not in ("sdpa", "eager"):
            raise ValueError(f"Ranking needs the attention implementation sdpa or eager, not {attention}.")
        self.model = model
        self.device: torch.device = model.device
        titles = [tuple(title) for title in catalogue]
        self.distinct = sorted(set(titles))
        place = {title: index for index, title in enumerate(self.distinct)}
        self.places = torch.tensor([place[title] for title in titles], device=self.device)
        self.firsts = torch.tensor([title[0] for title in self.distinct], device=self.device)
        self.longest = max(map(len, self.distinct))
        width = batch_size or (CPU_NODES if self.device.type == "cpu" else GPU_NODES)
        self.rows = [_on_device(row, self.device) for row in pack_rows(self.distinct, width)]
        self.context: int = model.config.max_position_embeddings
        self.window = _attention_window(model)

    def scores(self, prompt: Sequence[int], exclude: Sequence[int] = ()) -> Tensor:
        """Sum of log P over each title's tokens after `prompt`: fp32 [N] on the model's device.

        Titles at the indices `exclude` get -inf. Raises ValueError when the prompt is empty, or leaves no
        room in the context for the longest title.
        """
        if not prompt:
            raise ValueError("A prompt needs at least one token.")
        length = len(prompt) + self.longest
        if length > self.context:
            raise ValueError(
                f"A prompt of {len(prompt)} tokens and a title of {self.longest} do not fit "
                f"the model's context of {self.context}."
            )
        with torch.no_grad(), _evaluating(self.model):
            distinct = self._after(prompt) if length <= self.window else self._one_by_one(prompt)
        scores = distinct[self.places]
        if exclude:
            scores[torch.as_tensor(list(exclude), device=self.device)] = -math.inf
        return scores

    def top_k(self, prompt: Sequence[int], k: int, exclude: Sequence[int] = ()) -> list[tuple[int, float]]:
        """The `k` best (title index, log P), best first, without `exclude`; fewer when the catalogue ends."""
        return top_of(self.scores(prompt, exclude), k)

    def rank_of(
        self, prompt: Sequence[int], target: int, exclude: Sequence[int] = (), cap: int | None = None
    ) -> float:
        """`1 + better + equal/2` of the title `target` among those not in `exclude` (itself always counts).

        A rank beyond `cap` is inf.
        """
        return rank_in(self.scores(prompt, [index for index in exclude if index != target]), target, cap)

    def _after(self, prompt: Sequence[int]) -> Tensor:
        """Scores of the distinct titles, by the prompt's keys and values and the token tree."""
        from transformers import DynamicCache

        # Without a config every layer keeps all keys; a sliding one would drop some that our mask counts on.
        cache = DynamicCache()
        prompt_ids = torch.tensor([list(prompt)], device=self.device)
        logits = self.model(
            input_ids=prompt_ids, past_key_values=cache, use_cache=True, logits_to_keep=1
        ).logits[0, -1]
        scores = torch.log_softmax(logits.float(), dim=-1)[self.firsts]
        layers: list[Any] = cache.layers
        kept = [(layer.keys, layer.values) for layer in layers]
        for row in self.rows:
            nodes = self.model(
                input_ids=row.token_ids,
                attention_mask=self._mask(row.mask, len(prompt)),
                position_ids=row.depths + len(prompt),
                past_key_values=cache,
                use_cache=True,
            ).logits[0]
            scores.index_add_(0, row.owners, _picked(nodes, row.sources, row.labels))
            # The forward appended the row's keys; the next row must see the prompt's alone.
            for layer, (keys, values) in zip(layers, kept, strict=True):
                layer.keys, layer.values = keys, values
        return scores

    def _mask(self, tree: Tensor, past: int) -> Tensor:
        """The mask [1, 1, T, past + T]; additive, since eager attention would add a bool one as well."""
        dtype = self.model.dtype
        mask = torch.zeros(len(tree), past + len(tree), dtype=dtype, device=self.device)
        mask[:, past:].masked_fill_(~tree, torch.finfo(dtype).min)
        return mask[None, None]

    def _one_by_one(self, prompt: Sequence[int]) -> Tensor:
        """The same by one whole forward a title, for a sliding attention that loses sight of the prompt."""
        scores = []
        for title in self.distinct:
            ids = torch.tensor([[*prompt, *title]], device=self.device)
            logits = self.model(input_ids=ids, use_cache=False, logits_to_keep=len(title) + 1).logits[0]
            sources = torch.arange(len(title), device=self.device)
            scores.append(_picked(logits, sources, ids[0, len(prompt) :]).sum())
        return torch.stack(scores)


@dataclass(frozen=True)
class _DeviceRow:
    """A TrieRow as tensors on the model's device."""

    token_ids: Tensor  # [1, T]
    depths: Tensor  # [1, T]
    mask: Tensor  # [T, T] bool
    sources: Tensor  # [E]
    labels: Tensor  # [E]
    owners: Tensor  # [E]


def _on_device(row: TrieRow, device: torch.device) -> _DeviceRow:
    tensors = {name: torch.from_numpy(value).to(device) for name, value in vars(row).items()}
    tensors["token_ids"], tensors["depths"] = tensors["token_ids"][None], tensors["depths"][None]
    return _DeviceRow(**tensors)


def _picked(logits: Tensor, sources: Tensor, labels: Tensor) -> Tensor:
    """log P of `labels` [E] after the positions `sources` [E] of `logits` [T, V], in fp32."""
    logits = logits.float()
    return logits[sources, labels] - torch.logsumexp(logits, dim=-1)[sources]


def _attention_window(model: "PreTrainedModel | PeftModel") -> float:
    """The shortest reach of any layer in tokens; inf where all layers see everything."""
    config = model.config
    window = getattr(config, "sliding_window", None)
    kinds = getattr(config, "layer_types", None)
    slides = window is not None if kinds is None else any(kind != "full_attention" for kind in kinds)
    return window if slides and window is not None else math.inf


@contextmanager
def _evaluating(model: "PreTrainedModel | PeftModel") -> Iterator[None]:
    """No dropout inside, and the mode as it was afterwards."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)
