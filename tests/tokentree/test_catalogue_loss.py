"""The loss over a catalogue's choices, and its gradients, by definition: plain forwards, masked logits."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from promptrec_tui.models.config import CAUSAL_TYPES
from promptrec_tui.tokentree.choices import choices_of
from promptrec_tui.tokentree.loss import Batch, completion_loss, half
from promptrec_tui.tuning.batches import Plan
from tests.tokentree.test_loss import adapted, gradients, still

TinyModel = Callable[..., PreTrainedModel]

CATALOGUE = [
    [5, 6, 7, 2],
    [5, 6, 8, 9, 9, 2],
    [5, 9, 2],
    [11, 12, 13, 14, 2],
    [11, 12, 15, 2],
    [20, 21, 22, 2],
]
CATALOGUE += [[11, 12, 15, 2]]
PROMPT = [30, 31, 32]
LIST = [(PROMPT, 0), (PROMPT + CATALOGUE[0], 3), (PROMPT + CATALOGUE[0] + CATALOGUE[3], 6), ([*PROMPT, 9], 1)]
"""Prompts that hold earlier answers, with their certain ends, and one that branches off."""
FAR = [([40, 41], 5), ([40, 41, 42], 2)]


def batches(trees: bool, temperature: float) -> tuple[Any, list[Batch]]:
    choices = choices_of(CATALOGUE, temperature)
    parts = [LIST, FAR] if trees else [[part] for part in LIST + FAR]
    made = [choices.tree([prompt for prompt, _ in part], [title for _, title in part]) for part in parts]
    plan = Plan(made, batch_size=6, loss="catalogue", epochs=1)
    return choices, plan.batches(0)


def defined(model: Any, temperature: float) -> Tensor:
    """The mean over targets of −log P(title | prompt)."""
    total = torch.zeros(())
    for prompt, answer in LIST + FAR:
        title = CATALOGUE[answer]
        logits = model(input_ids=torch.tensor([[*prompt, *title]]), use_cache=False).logits[0].float()
        for stop, token in enumerate(title):
            allowed = sorted({other[stop] for other in CATALOGUE if other[:stop] == title[:stop]})
            logs = torch.log_softmax(logits[len(prompt) - 1 + stop, allowed] / temperature, dim=0)
            total = total - logs[allowed.index(token)]
    return total / len(LIST + FAR)


def check_equal(model: Any, trees: bool, temperature: float = 1.0, chunk: int | None = None) -> None:
    choices, made = batches(trees, temperature)
    assert any("ends" in batch for batch in made) == trees
    loss = sum(completion_loss(model, batch, chunk, choices) for batch in made)
    expected = defined(model, temperature)
    assert isinstance(loss, Tensor)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    wanted, actual = gradients(model, expected), gradients(model, loss)
    largest = max(gradient.norm() for gradient in wanted.values())
    assert largest > 0
    for name, gradient in wanted.items():
        assert (actual[name] - gradient).norm() <= 1e-4 * gradient.norm() + 1e-6 * largest, name


@pytest.mark.parametrize("trees", [True, False])
@pytest.mark.parametrize("model_type", sorted(CAUSAL_TYPES))
def test_loss_and_gradients_are_those_of_the_definition(
    tiny_model: TinyModel, model_type: str, trees: bool
) -> None:
    check_equal(adapted(still(tiny_model(model_type))), trees)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("chunk", [1, 4])
def test_all_weights_get_their_gradients_a_chunk_at_a_time(
    tiny_model: TinyModel, chunk: int, tied: bool
) -> None:
    check_equal(tiny_model("llama", tie_word_embeddings=tied), True, chunk=chunk)


@pytest.mark.parametrize(
    ("model_type", "changes"),
    [("granite", {"logits_scaling": 3.0}), ("gemma3_text", {"final_logit_softcapping": 2.0})],
)
def test_a_temperature_divides_what_the_model_makes_of_its_logits(
    tiny_model: TinyModel, model_type: str, changes: dict[str, float]
) -> None:
    check_equal(adapted(tiny_model(model_type, **changes)), True, temperature=2.5)


def tokens(choices: Any, nodes: Sequence[int]) -> list[int]:
    return [int(choices.trie.tokens[node]) for node in nodes]


def test_certain_ends_are_read_only_where_a_prompt_goes_on() -> None:
    choices = choices_of(CATALOGUE)
    alone = choices.tree([PROMPT], [1])
    assert alone.token_ids.tolist() == [*PROMPT, 5, 6]
    assert tokens(choices, alone.labels) == [5, 6, 8]
    certain = choices.tree([PROMPT], [5])
    assert (certain.token_ids.tolist(), tokens(choices, certain.labels)) == (PROMPT, [20])
    inside = choices.tree([PROMPT], [3])
    assert tokens(choices, inside.labels) == [11, 13], "12 is certain after 11"
    followed = choices.tree([PROMPT, [*PROMPT, *CATALOGUE[5]]], [5, 0])
    assert followed.token_ids.tolist() == [*PROMPT, *CATALOGUE[5], 5, 6]


def test_each_target_counts_alike_whatever_its_choices() -> None:
    _, made = batches(True, 1.0)
    assert {float(weight) for batch in made for weight in batch["weights"]} == {float(np.float32(1 / 6))}


def test_a_catalogue_of_one_title_trains_nothing_and_fails_nowhere(tiny_model: TinyModel) -> None:
    model = tiny_model("llama")
    choices = choices_of([[5, 6, 2], [5, 6, 2]])
    plan = Plan([choices.tree([PROMPT, PROMPT], [0, 1])], batch_size=2, loss="catalogue")
    assert [completion_loss(model, batch, None, choices).item() for batch in plan.batches(0)] == [0.0]


def test_halves_of_a_batch_add_to_it(tiny_model: TinyModel) -> None:
    model = tiny_model("llama")
    choices, made = batches(False, 1.0)
    with torch.no_grad():
        for batch in made:
            parts = [completion_loss(model, part, None, choices).item() for part in half(batch)]
            assert not parts or sum(parts) == pytest.approx(
                completion_loss(model, batch, None, choices).item(), rel=1e-5
            )
