"""Encoders under a classifier's head: every type, under every method that it takes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from promptrec_tui.errors import UserError
from promptrec_tui.models.config import HEADS
from promptrec_tui.models.loading import load_classifier
from promptrec_tui.models.methods import attach, load_tuned
from promptrec_tui.prompts.tokens import load_tokenizer
from promptrec_tui.runs.settings import apply_settings
from promptrec_tui.runs.spec import Settings
from promptrec_tui.runs.tuning_settings import METHODS

SaveModel = Callable[..., Path]
CPU = torch.device("cpu")
SMALL = {"rank": 2, "tokens": 3, "width": 8, "block_size": 4, "layers": 1}
PROMPT = "set tuning.method=prompt_tuning"
REFUSED = {
    ("modernbert", "ia3"): "name some in tuning.targets",
    ("modernbert", "p_tuning"): PROMPT,
    **dict.fromkeys(((kind, "prefix_tuning") for kind in ("deberta-v2", "distilbert", "modernbert")), PROMPT),
}


def classifier(folder: Path, seed: int = 1) -> Any:
    return load_classifier(folder, CPU, torch.float32, ["a", "b", "c"], seed)


def logits(model: Any) -> torch.Tensor:
    ids = torch.tensor([[5, 6, 7, 8], [9, 10, 0, 0]])
    with torch.no_grad():
        return torch.as_tensor(model.eval()(input_ids=ids, attention_mask=(ids > 0).long()).logits)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("model_type", HEADS)
def test_every_encoder_learns_and_comes_back_under_every_method(
    save_model: SaveModel, tmp_path: Path, model_type: str, method: str
) -> None:
    folder = save_model(model_type)
    own = {f"tuning.{key}": value for key, value in SMALL.items() if key in METHODS[method].model_fields}
    settings = apply_settings(Settings(), {"tuning.method": method, **own}).tuning
    if words := REFUSED.get((model_type, method)):
        with pytest.raises(UserError, match=words):
            attach(classifier(folder), settings)
        return
    tuned = attach(classifier(folder), settings)
    assert torch.equal(logits(tuned.model), torch.zeros(2, 3)), "all labels are equally likely at first"
    weights = [weight for weight in tuned.model.parameters() if weight.requires_grad]
    assert bool(weights) == (method != "none")
    if not weights:
        return
    optimiser = torch.optim.AdamW(weights, lr=0.01)
    losses = []
    for _ in range(2):
        tuned.model.train()
        ids = torch.tensor([[5, 6, 7, 8], [9, 10, 0, 0]])
        scores = tuned.model(input_ids=ids, attention_mask=(ids > 0).long()).logits
        loss = torch.nn.functional.cross_entropy(scores, torch.tensor([0, 2]))
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        losses.append(loss.item())
    assert losses[1] < losses[0]
    after = logits(tuned.model)
    with tuned.untuned():
        assert torch.equal(logits(tuned.model), torch.zeros(2, 3))
    tuned.save(tmp_path / "saved")
    torch.testing.assert_close(logits(load_tuned(classifier(folder), tmp_path / "saved").model), after)


@pytest.mark.parametrize("model_type", ["deberta-v2", "roberta"])
def test_fresh_layers_before_the_last_are_decided_by_the_seed(save_model: SaveModel, model_type: str) -> None:
    folder = save_model(model_type)
    first, again, other = (dict(classifier(folder, seed).named_parameters()) for seed in (1, 1, 2))
    assert all(torch.equal(weight, again[name]) for name, weight in first.items())
    assert any(not torch.equal(weight, other[name]) for name, weight in first.items())


def test_a_context_leaves_out_the_positions_before_the_first(save_model: SaveModel) -> None:
    folder = save_model("roberta")
    Tokenizer(WordLevel({"a": 0}, unk_token="a")).save(str(folder / "tokenizer.json"))
    context = load_tokenizer(folder).context
    model: Any = classifier(folder)
    assert context == model.config.max_position_embeddings - model.config.pad_token_id - 1
    assert model(torch.full((1, context), 5)).logits.shape == (1, 3)
    with pytest.raises((IndexError, RuntimeError)):
        model(torch.full((1, context + 1), 5))
