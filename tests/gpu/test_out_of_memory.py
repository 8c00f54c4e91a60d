"""A GPU that is really full, and whether what is told of memory beforehand is true."""

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

from promptrec_tui.models.methods import attach
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.report import read_report
from promptrec_tui.runs.states import State
from promptrec_tui.runs.tuning_settings import LoraSettings
from promptrec_tui.tokentree.backbone import NoMemoryError, shape_of
from promptrec_tui.tokentree.loss import completion_loss
from promptrec_tui.tokentree.ranker import Ranker
from promptrec_tui.tokentree.sizes import search_bytes, training_bytes
from tests.gpu.conftest import DEVICE, needs_gpu

pytestmark = needs_gpu

_random = random.Random(8)
CATALOGUE = [[*_random.choices(range(3, 900), k=_random.randrange(3, 9)), 2] for _ in range(20000)]
PROMPTS = [[_random.randrange(3, 1000) for _ in range(400)] for _ in range(16)]
TARGETS = [_random.randrange(len(CATALOGUE)) for _ in PROMPTS]
NOTHING: list[list[int]] = [[]] * len(PROMPTS)


def model() -> Any:
    """Of a size at which a search takes gigabytes and the weights do not."""
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=32000,
        hidden_size=1024,
        intermediate_size=3072,
        num_hidden_layers=12,
        num_attention_heads=16,
        num_key_value_heads=8,
        head_dim=128,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        initializer_range=0.05,
    )
    config._attn_implementation = "sdpa"
    return Qwen3ForCausalLM(config).to(DEVICE, torch.float32).eval()  # type: ignore[arg-type]


def leave(free: int) -> None:
    """Let this process take so many bytes more than it uses."""
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, (torch.cuda.memory_allocated() + free) / total))


def test_a_search_takes_what_was_told(limited_memory: None) -> None:
    ranker = Ranker(model(), CATALOGUE)
    estimate = search_bytes(
        ranker.shape, prompt=400, row=ranker.row_width, limit=ranker.limit, users=ranker.users
    )
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    ranker.rank_each(PROMPTS, TARGETS, NOTHING)
    taken = torch.cuda.max_memory_allocated() - before
    # The head's logits are not in it; they have a sixteenth of what is free.
    assert taken <= estimate + 2**29, f"{taken / 2**20:.0f} MiB taken, {estimate / 2**20:.0f} MiB told"
    assert torch.cuda.memory_allocated() - before < 2**26, "nothing is kept"


@pytest.mark.parametrize("share", [2, 6, 20])
def test_less_memory_gives_the_same_ranks(limited_memory: None, share: int) -> None:
    ranker = Ranker(model(), CATALOGUE)
    bounds = ranker.places_each(PROMPTS, TARGETS, NOTHING, margin=1e-3)
    estimate = search_bytes(
        ranker.shape, prompt=400, row=ranker.row_width, limit=ranker.limit, users=ranker.users
    )
    leave(estimate // share)
    ranks = ranker.rank_each(PROMPTS, TARGETS, NOTHING)
    assert all(place.best <= rank <= place.worst for place, rank in zip(bounds, ranks, strict=True))
    scores = ranker.scores(PROMPTS[0])
    assert bool(scores.isfinite().all())


def test_no_memory_at_all_is_a_sentence(limited_memory: None) -> None:
    ranker = Ranker(model(), CATALOGUE)
    leave(0)
    for ask in (lambda: ranker.rank_of(PROMPTS[0], 3), lambda: ranker.scores(PROMPTS[0])):
        with pytest.raises(NoMemoryError, match="end other programs on it"):
            ask()
    torch.cuda.set_per_process_memory_fraction(1.0)
    assert ranker.rank_of(PROMPTS[0], 3) >= 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_a_training_forward_takes_what_was_told(
    limited_memory: None, dtype: torch.dtype, checkpointing: bool
) -> None:
    base = model().to(dtype)
    tuned: Any = attach(base, LoraSettings(rank=8, dropout=0.1)).model.train()
    if checkpointing:
        tuned.gradient_checkpointing_enable()
        tuned.enable_input_require_grads()
    rows, length = 4, 512
    batch = {
        "token_ids": torch.randint(3, 1000, (rows, length), device=DEVICE),
        "rows": torch.arange(rows, device=DEVICE),
        "columns": torch.full((rows,), length - 1, device=DEVICE),
        "labels": torch.full((rows,), 7, device=DEVICE),
        "weights": torch.full((rows,), 1 / rows, device=DEVICE),
    }
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    completion_loss(tuned, batch).backward()  # type: ignore[no-untyped-call]
    taken = torch.cuda.max_memory_allocated() - before
    estimate = training_bytes(shape_of(tuned), checkpointing) * rows * length
    assert taken <= estimate * 1.5, f"{taken / 2**20:.0f} MiB taken, {estimate / 2**20:.0f} MiB told"
    assert taken >= estimate / 6, (
        f"{taken / 2**20:.0f} MiB taken, {estimate / 2**20:.0f} MiB told: too careful"
    )


def test_a_run_on_a_gpu_that_fills_up_keeps_its_adapter(
    new_run: Callable[..., RunFolder], tune: Any, limited_memory: None
) -> None:
    """When the test begins, another program has taken all."""

    def when(kind: str, fields: dict[str, Any]) -> bool:
        if kind == "evaluation" and fields["stage"] == "test":
            leave(0)
        return False

    folder = new_run(**{"run.device": DEVICE, "train.max_steps": 3})
    outcome = tune(folder, "stop", when, device=DEVICE)
    assert outcome.state == State.FAILED
    assert "--evaluate" in outcome.reason
    assert (folder.adapter / "adapter_model.safetensors").is_file()
    assert read_report(folder)["missing"] == outcome.reason
    torch.cuda.set_per_process_memory_fraction(1.0)
    assert tune(folder, device=DEVICE).state == State.DONE
    assert read_report(folder)["metrics"]["after"]["mrr"] > 0
