"""Recommendations by a run's blend, and under hard rules, against brute force over all items."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from promptrec_tui.datasets.dataset import Item
from promptrec_tui.errors import UserError
from promptrec_tui.evaluation.baselines import fit_baseline
from promptrec_tui.evaluation.blend import Blend
from promptrec_tui.evaluation.features import scorer_feature
from promptrec_tui.files import write_json
from promptrec_tui.home import Home
from promptrec_tui.serving.loading import LoadedRun, load
from promptrec_tui.serving.messages import Ranking, Refusal, TopK, read_request, write
from promptrec_tui.serving.rules import ruled_out, varied
from promptrec_tui.serving.scorer import answer
from promptrec_tui.tuning.data import checked_dataset
from promptrec_tui.tuning.jobs.next_item import NextItemJob
from promptrec_tui.typed import build
from tests.tuning.conftest import attempt, make_home, make_run, run_from

HISTORY = ("i3", "i4", "i5")


@pytest.fixture(scope="module")
def blended_home(tmp_path_factory: pytest.TempPathFactory, model_folder: Path) -> Path:
    home = make_home(tmp_path_factory.mktemp("blended"))
    blended = {"evaluation.users": 24, "evaluation.baselines": "markov,item_knn", "evaluation.blend": True}
    attempt(make_run(home, model_folder, **blended))
    return home.root


@pytest.fixture
def loaded(blended_home: Path, home: Home) -> LoadedRun:
    folder = run_from(blended_home, home)
    blend = build(Blend, json.loads(folder.blend.read_text()))
    # Whatever so small a run has fitted: here all of them have a say.
    weights = {"model_short": 0.5, "model_long": 1.5, "markov": 0.7, "item_knn": 0.4}
    write_json(folder.blend, {**blend.to_json(), "weights": weights})
    return load(folder, "cpu")


def asked(loaded: LoadedRun, **fields: Any) -> Ranking:
    said = answer(loaded, TopK(HISTORY, **fields))
    assert isinstance(said, Ranking)
    return said


def test_the_blend_ranks_by_model_and_scorers_fitted_on_everything(loaded: LoadedRun) -> None:
    assert isinstance(loaded.job, NextItemJob)
    job = loaded.job
    said = asked(loaded, k=10, blend=True, target="i7")
    with checked_dataset(job.home, job.spec) as dataset:
        sequences = [sequence for _, sequence in dataset.sequences("line")]
    history = [job.item_ids[key] for key in HISTORY]
    logs = job.ranker.scores(job.task.prompt(history).token_ids).double().numpy()
    scores = (0.5 * 10 / 13 + 1.5 * 3 / 13) * logs
    for name, weight in (("markov", 0.7), ("item_knn", 0.4)):
        baseline_scores = fit_baseline(name, sequences, len(job.items)).scores(history)
        scores = scores + weight * scorer_feature(name, baseline_scores)
    order = [item for item in np.argsort(-scores) if item not in history]
    assert [item.key for item in said.items] == [job.items[item].key for item in order[:10]]
    assert [item.score for item in said.items] == pytest.approx(scores[order[:10]].tolist(), abs=1e-5)
    assert [item.logprob for item in said.items] == pytest.approx(logs[order[:10]].tolist(), abs=1e-5)
    assert said.rank == 1 + order.index(job.item_ids["i7"])
    plain = asked(loaded, k=10)
    assert [item.key for item in plain.items] != [item.key for item in said.items]
    assert {item.score for item in plain.items} == {None}


def test_a_run_without_a_blend_says_how_to_get_one(loaded: LoadedRun) -> None:
    loaded.folder.blend.unlink()
    with pytest.raises(UserError, match="has no blend: fit one with"):
        asked(loaded, blend=True)


def test_the_untuned_model_has_no_blend(loaded: LoadedRun) -> None:
    with pytest.raises(UserError, match="of the tuned model"):
        asked(loaded, blend=True, untuned=True)


def test_rules_are_kept_with_and_without_a_blend(loaded: LoadedRun) -> None:
    everything = {item.key for item in asked(loaded, k=99).items}
    assert len(everything) == 37
    for blend in (False, True):
        kept = asked(loaded, k=99, require=(("genre", "Drama"),), blend=blend).items
        assert {item.key for item in kept} == everything
        assert not asked(loaded, k=99, exclude=(("genre", "drama"),), blend=blend).items
    (one,) = asked(loaded, k=99, at_most={"genre": 1}, blend=True).items
    assert one == asked(loaded, k=1, blend=True).items[0]
    blocked = asked(loaded, k=1, blend=True).items[0].key
    kept = asked(loaded, k=99, block=(blocked,), blend=True).items
    assert {item.key for item in kept} == everything - {blocked}
    with pytest.raises(UserError, match="no item 'none'"):
        asked(loaded, block=("none",))
    with pytest.raises(UserError, match=r"no attribute 'gener'.*genre"):
        asked(loaded, require=(("gener", "drama"),))


def test_a_popularity_penalty_takes_nats_for_events(loaded: LoadedRun) -> None:
    """By the scores of all items, with and without a blend."""
    job = loaded.job
    assert isinstance(job, NextItemJob)
    events = {item.key: item.events for item in job.items}
    for blend in (False, True):
        plain = asked(loaded, k=99, blend=blend).items
        fair = asked(loaded, k=99, blend=blend, popularity_penalty=0.7).items
        scores = {
            item.key: (item.score if blend else item.logprob) - 0.7 * math.log(1 + events[item.key])
            for item in plain
        }
        assert [item.score for item in fair] == pytest.approx(sorted(scores.values(), reverse=True), abs=1e-4)
        assert all(item.score == pytest.approx(scores[item.key], abs=1e-4) for item in fair)
    with pytest.raises(UserError, match="at least 0, not -1"):
        asked(loaded, popularity_penalty=-1.0)


ITEMS = [
    Item(0, "a", "A", {"genre": "Drama|War", "shop": "north"}, 1),
    Item(1, "b", "B", {"genre": "Comedy", "shop": "south"}, 1),
    Item(2, "c", "C", {"genre": "Drama", "shop": "south"}, 1),
    Item(3, "d", "D", {"shop": "north"}, 1),
]


def test_rules_look_at_whole_values_and_at_their_parts() -> None:
    assert ruled_out(ITEMS, [("genre", "drama")], []) == {1, 3}
    assert ruled_out(ITEMS, [("genre", "drama|war")], []) == {1, 2, 3}
    assert ruled_out(ITEMS, [("genre", "drama"), ("shop", "south")], []) == {0, 1, 3}
    assert ruled_out(ITEMS, [], [("genre", "War"), ("genre", "Comedy")]) == {0, 1}
    assert ruled_out(ITEMS, [("shop", "north")], [("genre", "war")]) == {0, 1, 2}
    assert ruled_out(ITEMS, [], []) == set()


def test_a_value_that_no_item_has_is_refused() -> None:
    with pytest.raises(UserError, match="No item has the genre 'Dramas'"):
        ruled_out(ITEMS, [("genre", "Dramas")], [])
    with pytest.raises(UserError, match="a pair"):
        ruled_out(ITEMS, [("genre",)], [])


def test_values_that_are_used_up_make_room_for_others() -> None:
    asked: list[int] = []

    def best(n: int) -> list[tuple[int, float]]:
        asked.append(n)
        return [(0, 4.0), (2, 3.0), (1, 2.0), (3, 1.0)][:n]

    assert varied(best, 2, ITEMS, {}) == [(0, 4.0), (2, 3.0)]
    assert varied(best, 2, ITEMS, {"genre": 1}) == [(0, 4.0), (1, 2.0)]
    assert varied(best, 3, ITEMS, {"genre": 1}) == [(0, 4.0), (1, 2.0), (3, 1.0)]
    assert varied(best, 3, ITEMS, {"genre": 2, "shop": 1}) == [(0, 4.0), (2, 3.0)]
    assert asked == [2, 2, 4, 3, 6, 3, 6]
    with pytest.raises(UserError, match="no attribute 'colour'"):
        varied(best, 2, ITEMS, {"colour": 1})


def test_rules_and_blend_travel_as_json() -> None:
    request = TopK(HISTORY, blend=True, require=(("genre", "drama"),), exclude=(("shop", "x"), ("shop", "y")))
    line = json.loads(write(request, id=1, verb="top_k"))
    assert read_request(line) == request
    assert "error" in json.loads(write(Refusal("no")))
