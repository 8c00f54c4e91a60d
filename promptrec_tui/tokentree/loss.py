"""The loss of trained tokens in trees or plain rows, without logits for anything else."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from promptrec_tui.tokentree.backbone import ancestor_mask, chunk_of, hidden_states, logits_of
from promptrec_tui.tokentree.choices import Choices

Batch = dict[str, Tensor]
"""Rows of a forward, padded on the right: `token_ids` [R, L]. Rows of trees have `positions` [R, L] and
`ends` [R, L] (see `Tree`; a padding node sees itself only), plain ones lack both. And of each trained token:
its row, `rows` [E], the column of the node that predicts it, `columns` [E], its id, `labels` [E], and its
share of the loss, `weights` [E]."""
BY_ROW = ("token_ids", "positions", "ends")


def completion_loss(
    model: Any,
    batch: Batch,
    chunk: int | None = None,
    choices: Choices | None = None,
    smoothing: float = 0.0,
) -> Tensor:
    """Sum over a batch's trained tokens of weight · −log P(token), a scalar in fp32.

    One forward of the backbone; the head is given the hidden states at trained positions only, a chunk at a
    time, and its logits are computed again for the gradient: neither [R, L, V] nor [E, V] ever exists.
    Plain rows need no mask: padding lies where a causal model's trained positions do not look. `chunk`:
    positions that the head is given at a time; as many as there is memory for if None. With `choices` P is a
    token's share among those that the catalogue allows there, and labels are the nodes of its trie.
    `smoothing`: the share of the aim that all tokens of the vocabulary divide (not with `choices`).
    """
    options = {}
    if "ends" in batch:
        options["attention_mask"] = ancestor_mask(batch["ends"], model.dtype)
        options["position_ids"] = batch["positions"]
    hidden = hidden_states(model, batch["token_ids"], **options)[batch["rows"], batch["columns"]]

    def part(states: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
        if choices:
            return -(choices.logs(model, states, labels.cpu().numpy()) * weights).sum()
        losses = functional.cross_entropy(
            logits_of(model, states), labels, reduction="none", label_smoothing=smoothing
        )
        return (losses * weights).sum()

    step = chunk or chunk_of(model)
    total = torch.zeros((), device=hidden.device)
    for first in range(0, len(hidden), step):
        here = slice(first, first + step)
        given = hidden[here], batch["labels"][here], batch["weights"][here]
        if len(hidden) > step and torch.is_grad_enabled():
            total = total + checkpoint(part, *given, use_reentrant=False, preserve_rng_state=False)
        else:
            total = total + part(*given)
    return total


def half(batch: Batch) -> list[Batch]:
    """Two batches of half the rows each, whose losses add to that of `batch`; none of a batch of one row."""
    rows = len(batch["token_ids"])
    parts = []
    for first, stop in ((0, rows // 2), (rows // 2, rows)) if rows > 1 else ():
        trained = (batch["rows"] >= first) & (batch["rows"] < stop)
        part = {name: batch[name][trained] for name in ("rows", "columns", "labels", "weights")}
        part["rows"] = part["rows"] - first
        parts.append(part | {name: batch[name][first:stop] for name in BY_ROW if name in batch})
    return parts
