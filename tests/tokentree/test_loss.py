"""The loss of trees in rows, and its gradients, against one sequence at a time and the model's own head."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedModel

from promptrec_tui.models.config import CAUSAL_TYPES
from promptrec_tui.tokentree.loss import Batch, completion_loss
from promptrec_tui.tokentree.tree import Tree, join, merge

TinyModel = Callable[..., PreTrainedModel]

# Three trees: two that share one row, and a shorter one in a row of its own, which is padded.
BRANCHING = [([5, 9, 14, 20], 1), ([5, 9, 14, 33, 7], 3), ([5, 9, 40], 2), ([5, 9, 14, 20], 2), ([8, 6], 1)]
OTHER = [([5, 9, 14, 20, 3], 4), ([5, 9, 14, 21, 3, 50], 2)]
SHORT = [([60, 61, 62], 2), ([60, 61, 63], 1), ([60, 61], 1)]
SEQUENCES = BRANCHING + OTHER + SHORT
WEIGHTS = [0.05 + 0.03 * owner for owner in range(len(SEQUENCES))]


def tree_of(parts: Sequence[tuple[list[int], int]], first_owner: int) -> Tree:
    tree = merge([sequence for sequence, _ in parts], [start for _, start in parts])
    tree.owners[:] += first_owner
    return tree


TREES = [tree_of(BRANCHING, 0), tree_of(OTHER, 5), tree_of(SHORT, 7)]
ROWS = [join(TREES[:2]), TREES[2]]
PLAIN = [tree_of([part], owner) for owner, part in enumerate(SEQUENCES)]


def batch_of(rows: Sequence[Tree], trees: bool = True, more: int = 0, filler: int = 0) -> Batch:
    """The rows as `Batch` wants them, with `more` columns of padding than they need."""
    width = max(map(len, rows)) + more
    token_ids = torch.full((len(rows), width), filler)
    positions = torch.zeros(len(rows), width, dtype=torch.long)
    ends = torch.arange(1, width + 1).repeat(len(rows), 1)
    for row, tree in enumerate(rows):
        token_ids[row, : len(tree)] = torch.from_numpy(tree.token_ids)
        positions[row, : len(tree)] = torch.from_numpy(tree.depths)
        ends[row, : len(tree)] = torch.from_numpy(tree.ends)
    edges = [
        (row, source, label, WEIGHTS[owner])
        for row, tree in enumerate(rows)
        for source, label, owner in zip(
            tree.sources.tolist(), tree.labels.tolist(), tree.owners.tolist(), strict=True
        )
    ]
    names = ("rows", "columns", "labels", "weights")
    batch = {name: torch.tensor(column) for name, column in zip(names, zip(*edges, strict=True), strict=True)}
    batch["token_ids"] = token_ids
    return batch | {"positions": positions, "ends": ends} if trees else batch


def one_by_one(model: Any) -> Tensor:
    """The definition: a forward of transformers a sequence, its logits, its weight."""
    total = torch.zeros(())
    for (sequence, start), weight in zip(SEQUENCES, WEIGHTS, strict=True):
        logits = model(input_ids=torch.tensor([sequence]), use_cache=False).logits[0, start - 1 : -1]
        labels = torch.tensor(sequence[start:])
        total = total + weight * functional.cross_entropy(logits.float(), labels, reduction="sum")
    return total


def gradients(model: Any, loss: Tensor) -> dict[str, Tensor]:
    model.zero_grad()
    loss.backward()
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.requires_grad}


def adapted(model: PreTrainedModel) -> PeftModel:
    """LoRA on all linear layers, past its first step: with B still 0 the gradients of A would be 0."""
    config = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM", lora_dropout=0.0)
    adapted = get_peft_model(model, config)
    for name, weight in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.1)
    return adapted.train()


def still(model: PreTrainedModel) -> PreTrainedModel:
    """Without the dropout that GPT-2 and OPT have of their own."""
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        if isinstance(getattr(module, "dropout", None), float):
            module.dropout = 0.0
    return model


def check_equal(model: Any, loss: Tensor) -> None:
    """Loss within 1e-5 and each gradient within 1e-4, relative to its own size."""
    expected = one_by_one(model)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    wanted, actual = gradients(model, expected), gradients(model, loss)
    assert sum(bool(gradient.any()) for gradient in wanted.values()) > len(wanted) / 2
    largest = max(gradient.norm() for gradient in wanted.values())
    for name, gradient in wanted.items():
        assert (actual[name] - gradient).norm() <= 1e-4 * gradient.norm() + 1e-6 * largest, name


@pytest.mark.parametrize("model_type", sorted(CAUSAL_TYPES))
def test_trees_give_the_loss_and_gradients_of_single_sequences(
    tiny_model: TinyModel, model_type: str
) -> None:
    model = adapted(still(tiny_model(model_type)))
    check_equal(model, completion_loss(model, batch_of(ROWS)))


@pytest.mark.parametrize("model_type", ["qwen3", "gpt2", "opt"])
def test_plain_rows_give_the_same(tiny_model: TinyModel, model_type: str) -> None:
    model = adapted(still(tiny_model(model_type)))
    check_equal(model, completion_loss(model, batch_of(PLAIN, trees=False)))


def test_eager_attention_gives_the_same(tiny_model: TinyModel) -> None:
    model = adapted(tiny_model("qwen3", attention="eager"))
    check_equal(model, completion_loss(model, batch_of(ROWS)))


@pytest.mark.parametrize(
    ("model_type", "name", "value", "idle"),
    [("granite", "logits_scaling", 3.0, 1.0), ("gemma3_text", "final_logit_softcapping", 2.0, None)],
)
def test_what_a_model_does_to_its_logits_is_done(
    tiny_model: TinyModel, model_type: str, name: str, value: float, idle: float | None
) -> None:
    model = adapted(tiny_model(model_type, **{name: value}))
    loss = completion_loss(model, batch_of(ROWS))
    check_equal(model, loss)
    setattr(model.get_base_model().config, name, idle)
    with torch.no_grad():
        assert (completion_loss(model, batch_of(ROWS)) - loss).abs() > 0.01


@pytest.mark.parametrize("trees", [True, False])
def test_padding_has_no_say(tiny_model: TinyModel, trees: bool) -> None:
    model = tiny_model("qwen3")
    rows = ROWS if trees else PLAIN
    with torch.no_grad():
        loss = completion_loss(model, batch_of(rows, trees))
        padded = completion_loss(model, batch_of(rows, trees, more=7, filler=77))
    assert padded.item() == pytest.approx(loss.item(), rel=1e-6)


@pytest.mark.parametrize("chunk", [1, 5, 1000])
def test_the_head_is_given_a_chunk_at_a_time(
    tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    """Also where its logits are computed once more, for the gradient."""
    model = adapted(tiny_model("llama"))
    monkeypatch.setattr("promptrec_tui.tokentree.sizes.CPU_LOGITS", chunk * 97 + 96)
    sizes: list[int] = []
    head = model.get_output_embeddings()
    hook = head.register_forward_hook(lambda _, given, __: sizes.append(given[0].shape[:-1].numel()))
    loss = completion_loss(model, batch_of(ROWS))
    loss.backward()
    hook.remove()
    edges = sum(len(row.labels) for row in ROWS)
    assert max(sizes) == min(chunk, edges)
    assert sum(sizes) == (2 * edges if chunk < edges else edges)
    check_equal(model, completion_loss(model, batch_of(ROWS)))


def test_chunks_do_not_change_a_loss_without_gradients(
    tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_model("llama")
    monkeypatch.setattr("promptrec_tui.tokentree.sizes.CPU_LOGITS", 4 * 97)
    with torch.no_grad():
        assert completion_loss(model, batch_of(ROWS)).item() == pytest.approx(
            one_by_one(model).item(), rel=1e-5
        )


def test_the_loss_of_a_model_in_half_precision_is_summed_in_full(tiny_model: TinyModel) -> None:
    model = tiny_model("llama").bfloat16()
    loss = completion_loss(model, batch_of(ROWS))
    assert loss.dtype == torch.float32
    with torch.no_grad():
        assert loss.item() == pytest.approx(one_by_one(model).item(), rel=0.02)
