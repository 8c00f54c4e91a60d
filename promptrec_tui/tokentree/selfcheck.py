"""Compares the tree with one plain forward per sequence. Each model is checked before it is used."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from promptrec_tui.tokentree.backbone import ancestor_mask, evaluating, hidden_states, picked
from promptrec_tui.tokentree.batched import batched_scores
from promptrec_tui.tokentree.prefix import Prefix
from promptrec_tui.tokentree.tree import Tree, merge

LIMIT = 1e-3
"""Nats by which two computations of the same sum may differ in fp32."""
COARSE_LIMIT = 0.5
"""The same in bf16, which has 8 bits where fp32 has 24: a larger difference is not rounding."""


def largest_difference(model: Any, prompt: Sequence[int], completions: Sequence[Sequence[int]]) -> float:
    """The largest difference in nats between log P of the completions after `prompt` in a tree and one by
    one: as training reads them (the prompt a part of the tree) and as ranking does (the prompt cached).

    NaN if any of the sums is NaN. The plain forwards are those of transformers, including its head and its
    processing of logits.
    """
    whole = merge([[*prompt, *completion] for completion in completions], [len(prompt)] * len(completions))
    behind = merge(completions, [1] * len(completions))
    with evaluating(model):
        plain = torch.stack([_plain(model, prompt, completion) for completion in completions])
        ends = torch.from_numpy(whole.ends)[None].to(model.device)
        hidden = hidden_states(
            model,
            torch.from_numpy(whole.token_ids).long()[None].to(model.device),
            attention_mask=ancestor_mask(ends, model.dtype),
            position_ids=torch.from_numpy(whole.depths).long()[None].to(model.device),
        )[0]
        trained = _sums(model, hidden, whole, len(completions))
        prefix = Prefix(model, [prompt], len(behind))
        firsts = torch.tensor([completion[0] for completion in completions], device=model.device)
        ranked = picked(model, prefix.first, torch.zeros_like(firsts), firsts)
        if len(behind):
            ranked = ranked + _sums(model, prefix.read(behind), behind, len(completions))
    return float(torch.maximum((trained - plain).abs(), (ranked - plain).abs()).max())


def batched_difference(model: Any, prompt: Sequence[int], completions: Sequence[Sequence[int]]) -> float:
    """The same between plain batches (used when windows are shorter than prompts) and one by one."""
    with evaluating(model):
        plain = torch.stack([_plain(model, prompt, completion) for completion in completions])
        return float((batched_scores(model, prompt, completions) - plain).abs().max())


def _plain(model: Any, prompt: Sequence[int], completion: Sequence[int]) -> Tensor:
    ids = torch.tensor([[*prompt, *completion]], device=model.device)
    # The head gets the last positions only: the logits of a whole prompt may take a gigabyte.
    kept = len(completion) + 1
    logits = model(input_ids=ids, use_cache=False, logits_to_keep=kept).logits[0, :-1].float()
    logs = torch.log_softmax(logits, dim=-1)
    return logs.gather(1, ids[0, len(prompt) :, None]).sum()


def _sums(model: Any, hidden: Tensor, tree: Tree, count: int) -> Tensor:
    order = tree.sources.argsort(kind="stable")
    sources, labels, owners = (
        torch.from_numpy(array[order]).long().to(model.device)
        for array in (tree.sources, tree.labels, tree.owners)
    )
    sums = torch.zeros(count, device=model.device)
    return sums.index_add_(0, owners, picked(model, hidden, sources, labels))
