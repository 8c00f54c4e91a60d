"""Finished runs compared, on folders that hold what a trainer would have written."""

import math
import random
import statistics
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from promptrec_tui.errors import UserError
from promptrec_tui.files import read_json, write_json
from promptrec_tui.home import Home
from promptrec_tui.workspace.compare import EACH_WITH_EACH, compare_runs
from promptrec_tui.workspace.comparison import Comparison
from promptrec_tui.workspace.opening import opened
from tests.compared import PROMPT, write_labels, write_ranks, write_spec

USERS = [f"u{number}" for number in range(60)]


def ranks(seed: int, users: list[str] = USERS) -> dict[str, float]:
    random_ = random.Random(seed)
    return {user: float(random_.randrange(1, 30)) for user in users}


def compared(home: Home, *runs: str, **options: Any) -> Comparison:
    with opened(home) as workspace:
        return compare_runs(workspace, runs, **options)


def test_figures_differences_and_counts_are_those_of_brute_force(home: Home) -> None:
    ours, theirs = ranks(1), ranks(2)
    write_ranks(home, "a", ours)
    write_ranks(home, "b", theirs)
    comparison = compared(home, "a", "run-b")
    ndcg = {
        name: [1 / math.log2(1 + rank) if rank <= 10 else 0 for rank in mine.values()]
        for name, mine in (("a", ours), ("b", theirs))
    }
    assert comparison.metrics["ndcg@10"] == pytest.approx({k: statistics.fmean(v) for k, v in ndcg.items()})
    assert list(comparison.metrics) == ["hr@10", "ndcg@10", "mrr@10", "mrr"]
    assert (comparison.users, comparison.noun, comparison.lead) == (60, "user", "ndcg@10")
    pair = next(pair for pair in comparison.pairs if pair.metric == "ndcg@10")
    differences = np.array(ndcg["a"]) - np.array(ndcg["b"])
    assert pair.value == pytest.approx(differences.mean())
    assert (pair.a, pair.b, pair.users) == ("a", "b", 60)
    assert pair.wins == sum(ours[user] < theirs[user] for user in USERS)
    assert pair.ties == sum(ours[user] == theirs[user] for user in USERS)
    assert pair.losses == sum(ours[user] > theirs[user] for user in USERS)
    # A bootstrap of our own, with other random numbers.
    draws = np.random.default_rng(9).integers(0, 60, (20_000, 60))
    low, high = np.quantile(differences[draws].mean(axis=1), [0.025, 0.975])
    assert (pair.low, pair.high) == pytest.approx((low, high), abs=0.02)
    (by_user,) = comparison.gains
    worth = {user: 1 / math.log2(1 + ours[user]) - 1 / math.log2(1 + theirs[user]) for user in USERS}
    assert [case.user for case in by_user.users] == sorted(USERS, key=lambda user: -worth[user])
    assert {case.user: (case.a, case.b) for case in by_user.users} == {
        user: (ours[user], theirs[user]) for user in USERS
    }


def test_every_pair_is_compared_or_all_with_the_baseline(home: Home) -> None:
    for number, name in enumerate("abc"):
        write_ranks(home, name, ranks(number))

    def couples(**options: str) -> list[tuple[str, str]]:
        pairs = compared(home, "a", "b", "c", **options).pairs
        return list(dict.fromkeys((pair.a, pair.b) for pair in pairs))

    assert couples() == [("a", "b"), ("a", "c"), ("b", "c")]
    assert couples(baseline="run-b") == [("a", "b"), ("c", "b")]
    with pytest.raises(UserError, match="baseline 'd' is none of the runs"):
        couples(baseline="d")


def test_only_users_that_all_runs_have_count(home: Home) -> None:
    write_ranks(home, "a", ranks(1))
    write_ranks(home, "b", ranks(2, USERS[::-1][:40]))
    comparison = compared(home, "a", "b")
    assert comparison.users == 40
    assert comparison.notes == ("Run 'a' was measured on 60 users, of which 40 are those of all runs.",)
    assert {pair.wins + pair.ties + pair.losses for pair in comparison.pairs} == {40}
    assert comparison.differs.to_json()["protocol"] == {"users": {"a": 60, "b": 40}}
    write_ranks(home, "c", ranks(2, ["v1", "v2"]), settings={"evaluation.seed": 5})
    with pytest.raises(UserError, match=r"promptrec run fork c --set evaluation\.seed=1"):
        compared(home, "a", "c")
    write_ranks(home, "d", ranks(2, USERS[:3]))
    assert "Only 3 test users" in compared(home, "a", "d").notes[-1]


def test_what_differs_is_told_by_part_and_key(home: Home) -> None:
    write_ranks(home, "a", ranks(1), versions={"torch": "2.8", "python": "3.11"})
    settings = {"train.learning_rate": 0.002, "tuning.method": "full"}
    prompt = PROMPT.replace("title", "title|upper")
    write_ranks(
        home, "b", ranks(2), settings=settings, prompt=prompt, versions={"torch": "2.9", "python": "3.11"}
    )
    differs = compared(home, "a", "b").differs.to_json()
    assert differs["template"]["a"].startswith("list@1 (")
    assert differs["template"]["a"] != differs["template"]["b"]
    assert differs["settings"]["train.learning_rate"] == {"a": 0.001, "b": 0.002}
    assert differs["settings"]["tuning.rank"] == {"a": 16, "b": None}
    assert "train.epochs" not in differs["settings"]
    assert differs["versions"] == {"torch": {"a": "2.8", "b": "2.9"}}
    assert differs.keys() == {"template", "settings", "versions", "template_diff"}
    assert any(line.startswith("+") and "title|upper" in line for line in differs["template_diff"]["b"])


@pytest.mark.parametrize(
    ("settings", "reason", "command"),
    [
        (
            {"evaluation.score": "mean"},
            "evaluation.score is sum in 'a' and mean in",
            "evaluation.score=sum",
        ),
        ({"evaluation.seen": "kept"}, "evaluation.seen is removed in 'a'", "evaluation.seen=removed"),
        ({"data.tie_rule": "item"}, "data.tie_rule is line in 'a'", "data.tie_rule=line"),
        (
            {"evaluation.k": 5, "train.monitor": "ndcg@5"},
            "evaluation.k is 10 in 'a' and 5 in 'b'",
            "evaluation.k=10 --set train.monitor=ndcg@10",
        ),
    ],
)
def test_unlike_protocols_are_refused_with_the_command_that_makes_them_alike(
    home: Home, settings: dict[str, Any], reason: str, command: str
) -> None:
    write_ranks(home, "a", ranks(1))
    write_ranks(home, "b", ranks(2), settings=settings)
    with pytest.raises(UserError) as refused:
        compared(home, "a", "b")
    assert reason in str(refused.value)
    assert str(refused.value).endswith(f"promptrec run fork b --set {command}")


def test_other_data_and_other_tasks_are_refused(home: Home) -> None:
    write_ranks(home, "a", ranks(1))
    write_ranks(home, "b", ranks(2), data="1" * 64)
    write_labels(home, "c", [0, 1], [0, 1], [0.9, 0.8])
    with pytest.raises(UserError, match=r"films \(00000000\) in 'a' and films \(1111.*run start.*films"):
        compared(home, "a", "b")
    with pytest.raises(UserError, match="no metric in common"):
        compared(home, "a", "c")


def test_an_older_report_without_parts_of_the_protocol_is_read_by_its_spec(home: Home) -> None:
    write_ranks(home, "a", ranks(1))
    old = write_ranks(home, "b", ranks(2), settings={"evaluation.score": "mean"})
    report = read_json(old.report)
    write_json(old.report, report | {"protocol": {"split": "leave_one_out", "catalogue": 100, "k": 10}})
    with pytest.raises(UserError, match=r"evaluation\.score is sum"):
        compared(home, "a", "b")


def test_labels_are_compared_by_who_is_right(home: Home) -> None:
    write_labels(home, "a", [0, 0, 1, 1], [0, 0, 0, 1], [0.9, 0.6, 0.3, 0.8])
    write_labels(home, "b", [0, 0, 1, 1], [0, 1, 1, 1], [0.8, 0.4, 0.7, 0.9])
    comparison = compared(home, "a", "b")
    assert list(comparison.metrics) == ["accuracy", "macro_f1", "logloss", "ece"]
    assert comparison.metrics["accuracy"] == {"a": 0.75, "b": 0.75}
    verdicts = {pair.metric: pair.verdict for pair in comparison.pairs}
    assert verdicts["accuracy"] == "unclear"
    assert {(pair.wins, pair.ties, pair.losses) for pair in comparison.pairs} == {(1, 2, 1)}
    assert comparison.gains[0].users[0].user == "t1"
    assert comparison.gains[0].users[0].a == pytest.approx(0.6)
    write_labels(home, "c", [0, 1], [0, 1], [0.8, 0.4], settings={"evaluation.seed": 2})
    with pytest.raises(UserError, match=r"evaluation\.seed is 1 in 'a' and 2 in 'c'"):
        compared(home, "a", "c")


def test_repetitions_of_one_spec_have_a_mean_and_a_spread(home: Home) -> None:
    for number in (1, 2, 3):
        write_ranks(home, f"s{number}", ranks(number), settings={"train.seed": number})
    write_ranks(home, "other", ranks(7), settings={"train.epochs": 9})
    comparison = compared(home, "s1", "s2", "other", "s3")
    (seeds,) = comparison.seeds
    assert (seeds.runs, seeds.seeds) == (("s1", "s2", "s3"), (1, 2, 3))
    values = [comparison.metrics["mrr"][run] for run in seeds.runs]
    assert seeds.metrics["mrr"].mean == pytest.approx(np.mean(np.array(values, float)))
    assert seeds.metrics["mrr"].spread == pytest.approx(np.std(np.array(values, float), ddof=1))
    assert not compared(home, "s1", "other").seeds


def test_blends_are_compared_where_all_runs_have_one(home: Home) -> None:
    write_ranks(home, "a", ranks(1), blend=ranks(4))
    write_ranks(home, "b", ranks(2), blend=ranks(5))
    write_ranks(home, "plain", ranks(3))
    comparison = compared(home, "a", "b", blend=True)
    assert {case.user: case.a for case in comparison.gains[0].users} == ranks(4)
    assert comparison.blends == ()
    with pytest.raises(UserError, match='no blend: fit one with "promptrec blend fit plain"'):
        compared(home, "a", "plain", blend=True)


def test_a_blend_stands_beside_the_models_on_the_same_users(home: Home) -> None:
    blend = ranks(4)
    write_ranks(home, "a", ranks(1), blend=blend)
    write_ranks(home, "b", ranks(2, USERS[::-1][:50]))
    comparison = compared(home, "a", "b", baseline="b")
    assert [(each.run, each.part) for each in comparison.blends] == [("a", "blend"), ("a", "mixture")]
    fitted = comparison.blends[0]
    assert comparison.beside("a")["blend"] == fitted.metrics
    assert comparison.beside("b") == {"blend": {}}
    common = USERS[10:]
    assert fitted.metrics["mrr"] == pytest.approx(statistics.fmean(1 / blend[user] for user in common))
    pairs = {pair.metric: pair for pair in fitted.pairs}
    assert (pairs["mrr"].a, pairs["mrr"].b, pairs["mrr"].users) == ("blend of a", "b", 50)
    assert pairs["mrr"].value == pytest.approx(fitted.metrics["mrr"] - comparison.metrics["mrr"]["b"])
    theirs = ranks(2, USERS[::-1][:50])
    assert pairs["mrr"].wins == sum(blend[user] < theirs[user] for user in common)
    assert {pair.a for pair in comparison.pairs} == {"a"}
    # Each with each: what blending adds to the run itself.
    (own, *_) = compared(home, "a", "b").blends
    assert {pair.b for pair in own.pairs} == {"a"}


def test_a_run_may_be_called_like_a_blend(home: Home) -> None:
    write_ranks(home, "a", ranks(1), blend=ranks(4))
    write_ranks(home, "blend of a", ranks(2))
    comparison = compared(home, "a", "blend of a", baseline="a")
    values = {pair.value for pair in comparison.pairs if pair.metric == "mrr"}
    assert values != {pair.value for pair in comparison.blends[0].pairs if pair.metric == "mrr"}


def test_many_runs_are_compared_with_one_and_tell_how_far_it_is(home: Home) -> None:
    names = [f"r{number}" for number in range(EACH_WITH_EACH + 2)]
    for number, name in enumerate(names):
        write_ranks(home, name, ranks(number, USERS[:40]))
    told: list[tuple[int, int]] = []
    comparison = compared(home, *names, progress=lambda phase, done, total: told.append((done, total)))
    assert [(gains.a, gains.b) for gains in comparison.gains] == [(name, "r0") for name in names[1:]]
    assert told == [(done, len(names) - 1) for done in range(len(names))]
    assert comparison.notes[-1].startswith("8 runs are compared with 'r0', not each with each")
    assert not any("each with each" in note for note in compared(home, *names, baseline="r1").notes)
    assert len(compared(home, *names[:EACH_WITH_EACH]).gains) == 15

    def stop(phase: str, done: int, total: int) -> None:
        raise UserError("left")

    with pytest.raises(UserError, match="left"):
        compared(home, *names, progress=stop)


def test_the_caption_says_what_the_figures_are_of(home: Home) -> None:
    write_ranks(home, "a", ranks(1))
    write_ranks(home, "b", ranks(2))
    comparison = compared(home, "a", "b")
    protocol = "100 items ranked, seen items removed, split leave_one_out, ties by line"
    assert comparison.caption == f"test, 60 users: {protocol}, adapters: last"
    first, second = comparison.runs
    best = replace(comparison, runs=(replace(first, best_step=20), second))
    assert best.caption.endswith("adapters: best on validation, or last")
    best = replace(comparison, runs=(replace(first, best_step=20), replace(second, best_step=9)))
    assert best.caption.endswith("adapters: best on validation")


def test_runs_that_cannot_be_compared_are_told_why(home: Home) -> None:
    write_ranks(home, "a", ranks(1))
    write_spec(home, "new")
    old = write_ranks(home, "old", ranks(2))
    report = read_json(old.report)
    for runs, sentence in (
        (("a",), "One run alone"),
        (("a", "a"), "named twice"),
        (("a", "b"), "There is no run called 'b'"),
        (("a", "new"), "Run 'new' has no test figures"),
    ):
        with pytest.raises(UserError, match=sentence):
            compared(home, *runs)
    for change, sentence in (
        ({"cases": {}}, "does not have the rank of each user"),
        ({"cases": {user: {"before": {"rank": 1}} for user in USERS}}, "no test figures of its adapter"),
        ({"cases": {user: {"after": {"rank": "x"}} for user in USERS}}, "are damaged"),
        ({"cases": {user: {"after": 3} for user in USERS}}, "are damaged"),
        ({"metrics": 3}, "is damaged"),
    ):
        write_json(old.report, report | change)
        with pytest.raises(UserError, match=sentence):
            compared(home, "a", "old")
    write_json(old.report, report)
    Path(old.spec_file).write_text("{")
    with pytest.raises(UserError, match=r"run\.json is damaged"):
        compared(home, "a", "old")
