"""Memory that runs out where something is allocated: less is asked at once, and the answers stay the same."""

import random
import tracemalloc
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from promptrec_tui.tokentree import backbone, prefix, ranker, sweep
from promptrec_tui.tokentree.backbone import NoMemoryError
from promptrec_tui.tokentree.loss import completion_loss, half
from promptrec_tui.tokentree.prefix import Prefix
from promptrec_tui.tokentree.ranker import Ranker
from promptrec_tui.tokentree.search import Aim, Search
from promptrec_tui.tokentree.sizes import SMALLEST, key_bytes, search_bytes
from promptrec_tui.tokentree.trie import build_trie

TinyModel = Callable[..., PreTrainedModel]

COUNT = 400
_random = random.Random(4)
CATALOGUE = [[*_random.choices(range(5, 12), k=_random.randrange(2, 8)), 2] for _ in range(COUNT)]
PROMPTS = [[_random.randrange(3, 97) for _ in range(length)] for length in (20, 9, 30, 25, 14)]
TARGETS = [3, 77, 150, 250, 399]
NOTHING: list[list[int]] = [[]] * len(PROMPTS)

Plant = Callable[[pytest.MonkeyPatch, PreTrainedModel, int], None]


def full() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def in_forwards(monkeypatch: pytest.MonkeyPatch, model: PreTrainedModel, most: int) -> None:
    """No forward of more tokens than `most`: of prompts, of rounds, of rows, of plain batches."""

    def look(_module: Any, _args: Any, kwargs: Any) -> None:
        if kwargs["input_ids"].numel() > most:
            full()

    model.base_model.register_forward_pre_hook(look, with_kwargs=True)


def in_the_pool(monkeypatch: pytest.MonkeyPatch, model: PreTrainedModel, most: int) -> None:
    """No buffer of keys for more than `most` tokens of all users."""
    grown = prefix._Pool._grown

    def look(self: Any, old: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
        buffer = grown(self, old, new)
        if buffer.shape[0] * buffer.shape[-2] > most:
            full()
        return buffer

    monkeypatch.setattr(prefix._Pool, "_grown", look)


def in_the_head(monkeypatch: pytest.MonkeyPatch, model: PreTrainedModel, most: int) -> None:
    """No logits of more than `most` positions."""
    logits_of = backbone.logits_of

    def look(model: Any, hidden: torch.Tensor, *tokens: torch.Tensor) -> torch.Tensor:
        if len(hidden) > most:
            full()
        return logits_of(model, hidden, *tokens)

    monkeypatch.setattr(backbone, "logits_of", look)
    monkeypatch.setattr(sweep, "logits_of", look)


def in_the_mask(monkeypatch: pytest.MonkeyPatch, model: PreTrainedModel, most: int) -> None:
    """No mask of more than `most` rows of nodes."""
    additive, ancestors = Prefix._additive, prefix.ancestor_mask

    def look(self: Any, seen: Any) -> torch.Tensor:
        if seen.shape[0] * seen.shape[1] > most:
            full()
        return additive(self, seen)

    def look_too(ends: torch.Tensor, *rest: Any) -> torch.Tensor:
        if ends.numel() > most:
            full()
        return ancestors(ends, *rest)

    monkeypatch.setattr(Prefix, "_additive", look)
    monkeypatch.setattr(prefix, "ancestor_mask", look_too)


PLANTS = [(in_forwards, 40), (in_forwards, 130), (in_the_pool, 60), (in_the_pool, 300)]
PLANTS += [(in_the_head, 20), (in_the_mask, 16), (in_the_mask, 50)]


def make(tiny_model: TinyModel, model_type: str = "llama", **changes: Any) -> Ranker:
    """A ranker as a GPU would have one: several users, wide rows, and searches that the limit ends."""
    made = Ranker(tiny_model(model_type, **changes), CATALOGUE)
    made.users = 4
    return made


@contextmanager
def planted(plant: Plant, model: PreTrainedModel, most: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        plant(patch, model, most)
        yield
    model.base_model._forward_pre_hooks.clear()


@pytest.mark.parametrize(("plant", "most"), PLANTS)
def test_ranks_are_those_of_enough_memory(tiny_model: TinyModel, plant: Plant, most: int) -> None:
    plain, short = make(tiny_model), make(tiny_model)
    expected = plain.rank_each(PROMPTS, TARGETS, NOTHING)
    assert len(set(expected)) == 5
    with planted(plant, short.model, most):
        assert short.rank_each(PROMPTS, TARGETS, NOTHING) == expected
    assert (short.users, short.row_width) != (plain.users, plain.row_width), "the fault was met"
    before = (short.users, short.row_width)
    assert short.rank_each(PROMPTS, TARGETS, NOTHING) == expected
    assert (short.users, short.row_width) == before, "what was learned is kept"


@pytest.mark.parametrize(("plant", "most"), PLANTS)
def test_the_best_are_those_of_enough_memory(tiny_model: TinyModel, plant: Plant, most: int) -> None:
    plain, short = make(tiny_model), make(tiny_model)
    expected = plain.top_k_each(PROMPTS, 10, NOTHING)
    with planted(plant, short.model, most):
        rankings = short.top_k_each(PROMPTS, 10, NOTHING)
    for one, other in zip(rankings, expected, strict=True):
        assert [score for _, score in one] == pytest.approx([score for _, score in other], abs=1e-4)


@pytest.mark.parametrize(("plant", "most"), [(in_forwards, 40), (in_the_head, 20), (in_the_mask, 16)])
def test_all_scores_are_those_of_enough_memory(tiny_model: TinyModel, plant: Plant, most: int) -> None:
    """The rows of subtrees get narrower."""
    plain, short = make(tiny_model), make(tiny_model)
    with planted(plant, short.model, most):
        scores = short.scores(PROMPTS[0])
    torch.testing.assert_close(scores, plain.scores(PROMPTS[0]), atol=1e-4, rtol=0)
    assert short.row_width < plain.row_width


def test_the_rest_of_a_search_is_read_in_narrower_rows(tiny_model: TinyModel) -> None:
    """The fault comes only when the rounds are over: the search is not begun again."""
    plain, short = make(tiny_model), make(tiny_model)
    plain.limit = short.limit = 20
    expected = plain.rank_each(PROMPTS, TARGETS, NOTHING)
    begun = []

    def look(patch: pytest.MonkeyPatch, model: Any, most: int) -> None:
        read, search = Prefix.read, Ranker._search

        def limited(self: Any, tree: Any) -> torch.Tensor:
            if len(tree) > most:
                full()
            return read(self, tree)

        patch.setattr(Prefix, "read", limited)
        patch.setattr(Ranker, "_search", lambda self, *asked: begun.append(1) or search(self, *asked))

    with planted(look, short.model, 40):
        assert short.rank_each(PROMPTS, TARGETS, NOTHING) == expected
    assert len(begun) == 2
    assert (short.users, short.row_width) == (4, 32)


@pytest.mark.parametrize("most", [25, 60])
def test_plain_batches_get_smaller(tiny_model: TinyModel, most: int) -> None:
    plain = make(tiny_model, "mistral", sliding_window=8)
    short = make(tiny_model, "mistral", sliding_window=8)
    expected = plain.rank_each(PROMPTS[:2], TARGETS[:2], NOTHING[:2])
    with planted(in_forwards, short.model, most):
        assert short.rank_each(PROMPTS[:2], TARGETS[:2], NOTHING[:2]) == expected
    assert short.batch <= 8 < plain.batch


@pytest.mark.parametrize("model_type", ["llama", "mistral"])
def test_where_nothing_fits_it_is_said_and_later_questions_are_answered(
    tiny_model: TinyModel, model_type: str
) -> None:
    changes = {"sliding_window": 8} if model_type == "mistral" else {}
    short = make(tiny_model, model_type, **changes)
    expected = make(tiny_model, model_type, **changes).scores(PROMPTS[0])
    with planted(in_forwards, short.model, 0):
        for ask in (
            lambda: short.rank_each(PROMPTS, TARGETS, NOTHING),
            lambda: short.top_k(PROMPTS[0], 3),
            lambda: short.scores(PROMPTS[0]),
        ):
            with pytest.raises(NoMemoryError, match=r"no memory to score titles.*end other programs on it"):
                ask()
    torch.testing.assert_close(short.scores(PROMPTS[0]), expected, atol=1e-4, rtol=0)
    assert short.row_width == SMALLEST or short.batch == 1


@pytest.mark.parametrize("limit", [0, 30, 10**6])
def test_the_pool_never_outgrows_prompt_and_limit(
    tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    """Whatever several users want to read: what one lacks room for is read in rows."""
    made, alone = make(tiny_model), Ranker(tiny_model("llama"), CATALOGUE)
    made.limit = alone.limit = limit
    buffers: list[tuple[int, ...]] = []
    grown = prefix._Pool._grown

    def note(self: Any, old: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
        buffer = grown(self, old, new)
        buffers.append(tuple(buffer.shape))
        return buffer

    expected = [alone.rank_of(prompt, target) for prompt, target in zip(PROMPTS, TARGETS, strict=True)]
    monkeypatch.setattr(prefix._Pool, "_grown", note)
    monkeypatch.setattr(Ranker, "_swept", lambda self, prompt, wanted, read: np.zeros(COUNT, np.float32))
    made.rank_each(PROMPTS, TARGETS, NOTHING)
    monkeypatch.undo()
    assert made.rank_each(PROMPTS, TARGETS, NOTHING) == expected
    longest, inner = max(map(len, PROMPTS)), made.trie.inner
    most = longest + min(limit, 4 * inner) + made.longest
    assert max(shape[-2] for shape in buffers) <= most
    taken = 2 * made.shape.layers * max(shape[0] * shape[1] * shape[2] * shape[3] * 4 for shape in buffers)
    assert taken <= 4 * most * key_bytes(made.shape)
    assert taken <= search_bytes(made.shape, prompt=longest, row=256, limit=most - longest, users=4)


def test_a_search_asks_for_no_more_users_than_are_free_for(
    tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make(tiny_model)
    expected = made.rank_each(PROMPTS, TARGETS, NOTHING)
    two = search_bytes(made.shape, prompt=30, row=made.row_width, limit=made.limit, users=2)
    monkeypatch.setattr(ranker, "free_bytes", lambda device: two * 4 // 3 + 100)
    rows: list[int] = []

    def note(_module: Any, _args: Any, kwargs: Any) -> None:
        rows.append(len(kwargs["input_ids"]))

    made.model.base_model.register_forward_pre_hook(note, with_kwargs=True)
    assert made.rank_each(PROMPTS, TARGETS, NOTHING) == expected
    assert max(rows) == 2
    assert made.users == 4, "later, when more is free, more are asked for"


def test_a_long_search_takes_little_memory_of_the_host() -> None:
    """8,192 nodes: who sees whom would be 64 MiB as a matrix, and four times that while it grows."""
    chance = np.random.default_rng(0)
    titles = sorted({tuple(row) for row in chance.integers(0, 110, (40000, 3)).tolist()})
    trie = build_trie(titles)
    assert trie.inner > 9000
    search = Search(trie, Aim(np.ones(len(titles), np.int32), k=10**6), False, 8192)
    tracemalloc.start()
    try:
        search.begin(-chance.random(int(search.trie.stops[0] - search.trie.starts[0])))
        while (expansion := search.select(512)) is not None:
            search.update(-chance.random(len(expansion.labels)))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert search.slots == 8192
    assert most < 16 * 2**20


@pytest.mark.parametrize("trees", [True, False])
def test_halves_of_a_batch_have_its_loss(tiny_model: TinyModel, trees: bool) -> None:
    model = tiny_model("llama")
    batch = {
        "token_ids": torch.randint(3, 97, (5, 6), generator=torch.Generator().manual_seed(0)),
        "rows": torch.tensor([0, 1, 1, 2, 4, 4]),
        "columns": torch.tensor([3, 2, 5, 1, 0, 4]),
        "labels": torch.tensor([7, 8, 9, 10, 11, 12]),
        "weights": torch.tensor([0.1, 0.2, 0.3, 0.1, 0.2, 0.1]),
    }
    if trees:
        batch["positions"] = torch.tensor([0, 1, 2, 2, 3, 4]).repeat(5, 1)
        batch["ends"] = torch.tensor([6, 6, 3, 6, 6, 6]).repeat(5, 1)
    parts = half(batch)
    assert [len(part["token_ids"]) for part in parts] == [2, 3]
    with torch.no_grad():
        whole = completion_loss(model, batch)
        assert sum(completion_loss(model, part).item() for part in parts) == pytest.approx(whole.item())
    assert half(half(parts[0])[0]) == []


def test_a_prompt_is_not_copied_for_each_title_of_a_batch(tiny_model: TinyModel) -> None:
    """Behind a plain batch its cache is as small as before."""
    from promptrec_tui.tokentree import batched

    kept: list[Any] = []

    class Watched(batched.DynamicCache):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            kept.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batched, "DynamicCache", Watched)
        made = make(tiny_model, "mistral", sliding_window=8)
        made.scores(PROMPTS[0])
    (cache,) = kept
    assert all(layer.keys.shape[0] == 1 for layer in cache.layers)
    assert all(layer.get_seq_length() == len(PROMPTS[0]) for layer in cache.layers)


@pytest.mark.parametrize("users", [1, 2])
@pytest.mark.parametrize("limit", [0, 10**6])
def test_prompts_of_one_group_are_forgotten_before_the_next(
    tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch, users: int, limit: int
) -> None:
    """Nor do the prompts of a group lie in memory while one of them is read again for its open titles."""
    made = make(tiny_model)
    made.users, made.limit = users, limit
    alive: weakref.WeakSet[Prefix] = weakref.WeakSet()

    class Counted(Prefix):
        def __init__(self, *given: Any) -> None:
            assert not alive
            super().__init__(*given)
            alive.add(self)

    monkeypatch.setattr(ranker, "Prefix", Counted)
    made.rank_each(PROMPTS, TARGETS, NOTHING)
    made.top_k_each(PROMPTS, 3, NOTHING)
    assert not alive


@pytest.mark.parametrize("limit", [40, 100])
def test_users_who_read_by_turns_share_the_room(
    tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    """The worst case for a pool that all users fill together: what one reads is a gap for the others."""
    made, alone = make(tiny_model), Ranker(tiny_model("llama"), CATALOGUE)
    made.users, made.limit, made.row_width = 2, limit, 16
    expected = [alone.rank_of(prompt, target) for prompt, target in zip(PROMPTS, TARGETS, strict=True)]
    turns: dict[Search, int] = {}
    select, grown = Search.select, prefix._Pool._grown
    buffers: list[int] = []

    def by_turns(self: Search, width: int) -> Any:
        turns[self] = turn = turns.get(self, -1) + 1
        first = list(turns).index(self) % 2 == 0
        return select(self, width) if not turn or (turn % 2 == 0) == first else None

    def note(self: Any, old: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
        buffer = grown(self, old, new)
        if len(buffer) == 2:
            buffers.append(buffer.shape[-2])
        return buffer

    monkeypatch.setattr(Search, "select", by_turns)
    monkeypatch.setattr(prefix._Pool, "_grown", note)
    assert made.rank_each(PROMPTS, TARGETS, NOTHING) == expected
    assert max(buffers) <= max(map(len, PROMPTS)) + limit + made.longest
