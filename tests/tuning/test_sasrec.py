from itertools import pairwise

import numpy as np
import pytest
import torch

from promptrec_tui.tuning import sasrec
from promptrec_tui.tuning.sasrec import SasRec, fit_sasrec

ITEMS = 12
CYCLE = [[(start + step) % ITEMS for step in range(10)] for start in range(ITEMS)] * 3


class StoppedError(Exception):
    """Raised by a progress function."""


def test_it_learns_which_item_follows_whatever_the_start() -> None:
    fit = fit_sasrec(CYCLE, ITEMS, seed=0)
    scores = fit.baseline.scores
    assert fit.baseline.name == "sasrec"
    for start in range(ITEMS):
        history = [(start + step) % ITEMS for step in range(4)]
        assert scores(history).shape == (ITEMS,)
        assert int(np.argmax(scores(history))) == (start + 4) % ITEMS
    assert 1 <= fit.best <= fit.epochs
    assert fit.seconds > 0
    assert not fit.late


def test_the_seed_gives_the_same_digits_and_torch_keeps_its_random_state(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sasrec, "EPOCHS", 2)
    torch.manual_seed(7)
    expected = torch.rand(3).tolist()
    torch.manual_seed(7)
    scores = [fit_sasrec(CYCLE, ITEMS, seed).baseline.scores([3, 4]).tolist() for seed in (0, 0, 1)]
    assert torch.rand(3).tolist() == expected
    assert scores[0] == scores[1] != scores[2]


def test_a_pass_asks_for_each_event_once_after_the_one_before_it() -> None:
    chains = [list(range(120)), [200, 5], [200], [200, 7, 8]]
    windows = sasrec._cut(chains, np.random.default_rng(0))
    assert max(map(len, windows)) <= sasrec.LENGTH + 1
    past, wanted = sasrec._batch(windows)
    asked = wanted >= 0
    pairs = zip(past[asked].tolist(), wanted[asked].tolist(), strict=True)
    assert sorted(pairs) == sorted(pair for chain in chains for pair in pairwise(chain))


def test_of_those_held_out_the_last_event_alone_is_asked_for() -> None:
    past, wanted = sasrec._batch([[1, 2, 3, 4], [5, 6]], asked=1)
    assert past[:, :4].tolist() == [[1, 2, 3, 0], [5, 0, 0, 0]]
    assert wanted[:, :4].tolist() == [[-1, -1, 4, -1], [6, -1, -1, -1]]


def test_a_state_depends_on_earlier_events_only() -> None:
    model = SasRec(ITEMS).eval()
    with torch.no_grad():
        long, other = model(torch.tensor([[1, 2, 3, 4], [1, 2, 9, 9]]))
    assert torch.allclose(long[:2], other[:2], atol=1e-6)
    assert not torch.allclose(long[2], other[2], atol=1e-3)


def test_scores_read_the_last_events_of_a_long_history_and_none_of_an_empty_one() -> None:
    model = SasRec(ITEMS).eval()
    history = [event % ITEMS for event in range(200)]
    assert model.scores(history).tolist() == model.scores(history[-sasrec.LENGTH :]).tolist()
    assert np.isfinite(model.scores([])).all()


def test_the_time_limit_keeps_the_best_so_far_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sasrec, "SECONDS", 0.0)
    fit = fit_sasrec(CYCLE, ITEMS, seed=0)
    assert fit.late
    assert fit.epochs == 1
    assert np.isfinite(fit.baseline.scores([1])).all()


def test_what_progress_raises_ends_it_and_torch_keeps_its_random_state() -> None:
    def stop(step: int, steps: int) -> None:
        if step == 3:
            raise StoppedError

    before = torch.get_rng_state()
    with pytest.raises(StoppedError):
        fit_sasrec(CYCLE, ITEMS, seed=0, progress=stop)
    assert torch.equal(torch.get_rng_state(), before)


def test_users_with_few_events_or_none_do_not_break_it() -> None:
    for given in ([], [[]], [[0], [1]]):
        assert np.isfinite(fit_sasrec(given, 3, seed=0).baseline.scores([1])).all()
