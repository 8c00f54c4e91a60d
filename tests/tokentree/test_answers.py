"""Small answer sets are catalogues like any other: probabilities of a few answers."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from promptrec_tui.tokentree.ranker import Ranker

TinyModel = Callable[..., PreTrainedModel]
Naive = Callable[..., Tensor]

PROMPT = [40, 3, 77, 12, 9, 30]
YES_NO = [[50], [51]]
RATINGS = [[20], [21], [22], [23], [24]]
LABELS = [[60, 61, 2], [60, 61, 62, 2], [60, 2], [70, 71, 72, 73, 2], [8, 2]]
BEGINNINGS = [[60], [60, 61], [60, 61, 62], [8]]
EQUAL = [[50], [51], [50]]
SETS = {"yes-no": YES_NO, "ratings": RATINGS, "labels": LABELS, "beginnings": BEGINNINGS, "equal": EQUAL}


@pytest.mark.parametrize("answers", SETS.values(), ids=SETS.keys())
def test_probabilities_are_those_among_the_answers(
    tiny_model: TinyModel, naive_scores: Naive, answers: list[list[int]]
) -> None:
    model = tiny_model("qwen3")
    probabilities = Ranker(model, answers).probabilities(PROMPT)
    likelihoods = naive_scores(model, PROMPT, answers).double().exp()
    torch.testing.assert_close(probabilities.double(), likelihoods / likelihoods.sum(), atol=1e-5, rtol=1e-4)
    assert probabilities.sum().item() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("answers", SETS.values(), ids=SETS.keys())
def test_the_best_answer_and_the_ranks_are_those_of_the_probabilities(
    tiny_model: TinyModel, answers: list[list[int]]
) -> None:
    """Such a catalogue is too small for a search; the same calls serve it."""
    ranker = Ranker(tiny_model("qwen3"), answers)
    probabilities = ranker.probabilities(PROMPT)
    order = probabilities.argsort(descending=True, stable=True).tolist()
    assert [index for index, _ in ranker.top_k(PROMPT, len(answers))] == order
    for target, own in enumerate(probabilities):
        better, equal = (probabilities > own).sum().item(), (probabilities == own).sum().item()
        assert ranker.rank_of(PROMPT, target) == 1 + better + (equal - 1) / 2


def test_hopeless_answers_still_have_probabilities(tiny_model: TinyModel) -> None:
    """Of a sure model each answer's own likelihood is nothing in fp32."""
    model = tiny_model("llama")
    with torch.no_grad():
        model.lm_head.weight.mul_(300)
    ranker = Ranker(model, RATINGS)
    assert ranker.scores(PROMPT).exp().sum() == 0
    assert ranker.probabilities(PROMPT).sum().item() == pytest.approx(1, abs=1e-6)
