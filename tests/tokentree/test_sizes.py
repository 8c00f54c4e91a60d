"""Sizes by model and memory: what a search takes is told before it begins, and bounded."""

import pytest
import torch

from promptrec_tui.runs.gpus import GIB
from promptrec_tui.tokentree.backbone import chunk_of, free_bytes, shape_of
from promptrec_tui.tokentree.sizes import (
    CPU,
    CPU_FORWARD,
    LARGEST,
    SMALLEST,
    Shape,
    batch_size,
    forward_tokens,
    head_rows,
    key_bytes,
    power_of_two,
    ranking_sizes,
    search_bytes,
    search_room,
    training_bytes,
)

QWEN3_06 = Shape(28, 1024, 3072, 16, 8, 128, 151936, 2)
SHAPES = {
    "Qwen3-0.6B": (QWEN3_06, 1.19e9),
    "Qwen3-4B": (Shape(36, 2560, 9728, 32, 8, 128, 151936, 2), 8.04e9),
    "SmolLM2-135M": (Shape(30, 576, 1536, 9, 3, 64, 49152, 2), 0.27e9),
    "gemma3-270m": (Shape(18, 640, 2048, 4, 1, 256, 262144, 2), 0.54e9),
    "Llama-3.2-1B": (Shape(16, 2048, 8192, 32, 8, 64, 128256, 2), 2.47e9),
    "gpt2": (Shape(12, 768, 3072, 12, 12, 64, 50257, 2), 0.25e9),
    "phi-2": (Shape(32, 2560, 10240, 32, 32, 80, 51200, 2), 5.56e9),
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_search_of_one_user_fits_what_the_queue_keeps_free(name: str) -> None:
    """A run is started where one and a half times its weights and 2 GiB are free."""
    shape, weights = SHAPES[name]
    free = int(weights / 2) + 2 * GIB
    users, limit = search_room(shape, free, prompt=600, row=LARGEST.row, limit=LARGEST.limit, users=16)
    assert users >= 1
    assert limit == LARGEST.limit
    assert search_bytes(shape, prompt=600, row=LARGEST.row, limit=limit, users=users) <= free


def test_the_most_a_search_can_take_is_told() -> None:
    """Sixteen users, all nodes: 15 GiB of keys and values, and little beside them."""
    most = search_bytes(QWEN3_06, prompt=600, row=1024, limit=8192, users=16)
    assert key_bytes(QWEN3_06) == 114688
    assert 15 * GIB < 16 * 8792 * key_bytes(QWEN3_06) < most < 19 * GIB


def test_users_are_halved_before_the_search_is_cut_short() -> None:
    asked = {"prompt": 600, "row": 1024, "limit": 8192, "users": 16}
    rooms = [search_room(QWEN3_06, free, **asked) for free in (80 * GIB, 12 * GIB, 2 * GIB, GIB, 1000)]
    assert rooms[0] == (16, 8192)
    assert rooms[1][0] in (4, 8)
    assert rooms[1][1] == 8192
    assert rooms[2] == (1, 8192)
    assert rooms[3][0] == 1
    assert 0 < rooms[3][1] < 8192
    assert rooms[4] == (1, 0), "the least is tried all the same"
    assert search_room(QWEN3_06, None, **asked) == (16, 8192)


def test_a_cpu_has_the_sizes_that_published_figures_were_made_with(tiny_model) -> None:
    model = tiny_model("qwen3")
    assert free_bytes(torch.device("cpu")) is None
    assert (CPU.users, CPU.width, CPU.row, CPU.limit, CPU.batch) == (1, 64, 256, 2048, 64)
    assert ranking_sizes(shape_of(model), None) == CPU
    assert forward_tokens(shape_of(model), None, False) == CPU_FORWARD == 4096
    assert batch_size(shape_of(model), None, prompt=600, batch=64) == 64
    assert chunk_of(model) == head_rows(97, None) == 2**24 // 97
    assert head_rows(151936, None) == 110


def test_a_gpu_is_given_more_at_once_the_more_is_free() -> None:
    gpus = [free * GIB for free in (1, 4, 20, 70, 130)]
    heads = [head_rows(151936, free) for free in gpus]
    assert heads == sorted(heads)
    assert heads[0] < 110 < heads[2] < heads[4]
    assert all(rows * 151936 * 16 <= free / 16 for rows, free in zip(heads, gpus, strict=True))
    forwards = [forward_tokens(QWEN3_06, free, False) for free in gpus]
    assert forwards == sorted(forwards)
    assert forwards[0] == 256
    assert forwards[4] == 16384
    assert all(
        tokens * training_bytes(QWEN3_06, False) <= free
        for tokens, free in zip(forwards, gpus, strict=True)
        if tokens > 256
    )
    assert forward_tokens(QWEN3_06, 4 * GIB, True) > forward_tokens(QWEN3_06, 4 * GIB, False)
    rows = [ranking_sizes(QWEN3_06, free).row for free in (2**20, 2**26, 130 * GIB)]
    assert rows[0] == SMALLEST
    assert SMALLEST < rows[1] < rows[2] == LARGEST.row
    batches = [batch_size(QWEN3_06, free, prompt=2000, batch=64) for free in (2**20, GIB, 130 * GIB)]
    assert batches[0] == 1 < batches[1] <= batches[2] == 64


def test_a_little_more_or_less_free_memory_changes_no_forward() -> None:
    sizes = {forward_tokens(QWEN3_06, int(free / 10 * GIB), False) for free in range(225, 245)}
    assert len(sizes) == 1


@pytest.mark.parametrize(("most", "power"), [(0, 4), (3, 4), (4, 4), (7, 4), (8, 8), (9, 8), (1000, 64)])
def test_powers_of_two(most: int, power: int) -> None:
    assert power_of_two(most, 4, 64) == power


@pytest.mark.parametrize(
    ("model_type", "expected"),
    [
        ("qwen3", Shape(3, 32, 64, 4, 2, 8, 97, 4)),
        ("gpt2", Shape(3, 32, 64, 4, 4, 8, 97, 4)),
        ("opt", Shape(3, 32, 64, 4, 4, 8, 97, 4)),
        ("gpt_neox", Shape(3, 32, 64, 4, 4, 8, 97, 4)),
        ("gemma3_text", Shape(3, 32, 64, 4, 2, 8, 97, 4)),
    ],
)
def test_shapes_are_read_from_the_configs_of_all_families(tiny_model, model_type, expected) -> None:
    assert shape_of(tiny_model(model_type)) == expected
