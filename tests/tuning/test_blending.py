"""A run that ends with a blend: weights, rows of the report, ranks against brute force."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from promptrec_tui.evaluation.baselines import fit_baseline
from promptrec_tui.evaluation.blend import Blend
from promptrec_tui.evaluation.features import scorer_feature
from promptrec_tui.evaluation.metrics import rank_with_ties
from promptrec_tui.home import Home
from promptrec_tui.models.loading import choose_dtype
from promptrec_tui.runs.base_models import placed_spec
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.states import State
from promptrec_tui.tuning import blending
from promptrec_tui.tuning.jobs.next_item import NextItemJob
from promptrec_tui.typed import build
from tests.tuning.conftest import attempt, make_home, make_run, run_from

SCORERS = "popularity,markov,item_knn"
ALL = {"evaluation.users": 24, "evaluation.blend": True, "evaluation.baselines": SCORERS}


@pytest.fixture(scope="module")
def blended_home(tmp_path_factory: pytest.TempPathFactory, model_folder: Path) -> Path:
    home = make_home(tmp_path_factory.mktemp("blended"))
    outcome = attempt(make_run(home, model_folder, **ALL))
    assert outcome.state is State.DONE, outcome.reason
    return home.root


@pytest.fixture
def blended(blended_home: Path, home: Home) -> RunFolder:
    return run_from(blended_home, home)


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def test_a_run_ends_with_a_blend_beside_its_baselines(blended: RunFolder, events: Callable[..., Any]) -> None:
    report, weights = read(blended.report), read(blended.blend)
    metrics = report["metrics"]
    assert set(metrics["baselines"]) == {*SCORERS.split(","), "mixture"}
    assert set(metrics["blend"]) == set(metrics["after"])
    others = {"tuned": metrics["after"], **metrics["baselines"]}
    gain = metrics["gain"]["blend"]
    best = max(values["ndcg@10"] for values in others.values())
    assert others[gain["name"]]["ndcg@10"] == best
    assert gain["ndcg@10"]["value"] == pytest.approx(metrics["blend"]["ndcg@10"] - best)
    assert metrics["gain"]["best_baseline"]["name"] != "mixture"
    assert all({"blend", "mixture", "after"} <= set(case) for case in report["cases"].values())
    assert weights["users"] == 24
    assert set(weights["held_out"]) == {*SCORERS.split(","), "mixture", "model", "blend"}
    card = blended.card.read_text()
    assert "| **blend** |" in card
    assert f"Blend minus {gain['name']}, NDCG@10: " in card
    judged = [event["name"] for event in events(blended, "evaluation") if event["stage"] == "test"]
    assert judged[-2:] == ["mixture", "blend"]
    previews = {event["stage"]: event["users"] for event in events(blended, "preview")}
    assert [user["user"] for user in previews["blend"]] == [user["user"] for user in previews["after"]]
    assert all(len(user["top"]) == len(previews["after"][0]["top"]) for user in previews["blend"])


def test_its_ranks_are_those_of_brute_force(blended: RunFolder, home: Any) -> None:
    """Weights times features of all items, with the model that the run has kept."""
    report, blend = read(blended.report), build(Blend, read(blended.blend))
    spec = placed_spec(blended)
    job = NextItemJob(spec, home)
    tuned = job.load(torch.device("cpu"), choose_dtype("fp32", torch.device("cpu")))
    tuned.model.eval()
    tuned.exchange(blended.adapter)
    job.read(_silent(), _silent())
    before = [user.sequence[: user.split.test] if user.split else user.sequence for user in job.users]
    scorers = [fit_baseline(name, before, len(job.items)) for name in SCORERS.split(",")]
    cases = job._cases("test")
    assert len(cases) == 24
    for case in cases:
        features = {scorer.name: scorer_feature(scorer.name, scorer.scores(case.past)) for scorer in scorers}
        logs = job.ranker.scores(job.task.prompt(case.history).token_ids).double().numpy()
        scores = blend.trust(len(case.past)) * logs
        for name, weight in blend.weights.items():
            scores = scores + weight * features[name] if name in features else scores
        rank = rank_with_ties(scores, case.target, case.excluded(True))
        assert report["cases"][case.user]["blend"]["rank"] == rank


def test_its_previews_are_the_best_by_weights_and_features(
    blended: RunFolder, home: Any, events: Callable[..., Any]
) -> None:
    """Of a weighted sum over all items, with scorers that have not seen the validation targets."""
    blend = build(Blend, read(blended.blend))
    job = NextItemJob(placed_spec(blended), home)
    tuned = job.load(torch.device("cpu"), choose_dtype("fp32", torch.device("cpu")))
    tuned.model.eval()
    tuned.exchange(blended.adapter)
    job.read(_silent(), _silent())
    before = [user.sequence[: user.split.validation] if user.split else user.sequence for user in job.users]
    scorers = [fit_baseline(name, before, len(job.items)) for name in SCORERS.split(",")]
    shown = {
        user["user"]: user
        for event in events(blended, "preview")
        if event["stage"] == "blend"
        for user in event["users"]
    }
    cases = [case for case in job._cases("validation", "test") if case.user in shown]
    assert len(cases) == len(shown) > 0
    for case in cases:
        features = {scorer.name: scorer_feature(scorer.name, scorer.scores(case.past)) for scorer in scorers}
        logs = job.ranker.scores(job.task.prompt(case.history).token_ids).double().numpy()
        scores = blend.trust(len(case.past)) * logs + blend.bonus(features | job.columns, len(job.items))
        left_out = case.excluded(True)
        assert shown[case.user]["rank"] == rank_with_ties(scores, case.target, left_out)
        scores[list(left_out)] = -np.inf
        top = shown[case.user]["top"]
        assert [entry["logprob"] for entry in top] == pytest.approx(
            np.sort(scores)[::-1][: len(top)].tolist()
        )


class _Silence:
    """A journal and an inbox that nobody reads."""

    def cancelled(self) -> bool:
        return False

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *args, **kwargs: None


def _silent() -> Any:
    return _Silence()


def test_features_of_a_stage_know_nothing_of_its_targets(blended: RunFolder, home: Any) -> None:
    """Markov, fitted for validation, has seen no pair that ends in a validation target of its users."""
    job = NextItemJob(placed_spec(blended), home)
    job.read(_silent(), _silent())
    (markov,) = (scorer for scorer in job.scorers("validation") if scorer.name == "markov")
    before = [user.sequence[: user.split.validation] if user.split else user.sequence for user in job.users]
    expected = fit_baseline("markov", before, len(job.items))
    for case in job._cases("validation", "test"):
        assert np.array_equal(markov.scores(case.past), expected.scores(case.past))
    cases = {stage: job._cases(stage, "test") for stage in ("validation", "test")}
    for early, late in zip(cases["validation"], cases["test"], strict=True):
        assert late.past == (*early.past, early.target)


def test_a_large_catalogue_is_searched_for_the_same_choices(
    blended: RunFolder, home: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = NextItemJob(placed_spec(blended), home)
    job.load(torch.device("cpu"), torch.float32)
    job.read(_silent(), _silent())
    names, whole = job._choices(job._witnesses("validation"))
    monkeypatch.setattr(blending, "SWEPT", 0)
    again, searched = job._choices(job._witnesses("validation"))
    assert names == again == ["model_short", "model_long", *SCORERS.split(",")]
    for one, other in zip(whole, searched, strict=True):
        assert one.offsets == pytest.approx(other.offsets)
        assert one.features == pytest.approx(other.features, abs=1e-4)


def test_too_few_users_are_said_and_leave_the_run_whole(
    new_run: Callable[..., RunFolder], tune: Callable[..., Any], events: Callable[..., Any]
) -> None:
    folder = new_run(evaluation__blend=True)
    assert tune(folder).state is State.DONE
    (warning,) = (event["message"] for event in events(folder, "warning") if "blend" in event["message"])
    assert warning == "The blend was left out: 8 users are too few for its weights, 20 at least."
    assert not folder.blend.exists()
    assert "blend" not in read(folder.report)["metrics"]


def test_a_run_that_is_paused_in_the_blend_makes_it_when_resumed(
    new_run: Callable[..., RunFolder], tune: Callable[..., Any]
) -> None:
    folder = new_run(**ALL)
    paused = tune(folder, "pause", lambda kind, fields: kind == "preview" and fields["stage"] == "after")
    assert paused.state is State.PAUSED
    assert not folder.result.exists()
    assert tune(folder).state is State.DONE
    assert folder.blend.exists()
