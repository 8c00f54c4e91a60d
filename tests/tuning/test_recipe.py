"""A whole run, in this process."""

import json
from collections import Counter
from collections.abc import Callable
from itertools import groupby
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from promptrec_tui.datasets.shots import draw_shots
from promptrec_tui.datasets.splits import Split, leave_one_out
from promptrec_tui.errors import UserError
from promptrec_tui.files import write_json
from promptrec_tui.home import Home
from promptrec_tui.models.loading import choose_dtype
from promptrec_tui.runs.base_models import placed_spec
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.phases import BLEND, IN_TRAINING, LIBRARIES, ORDER, TEMPERATURE
from promptrec_tui.runs.states import State
from promptrec_tui.tuning import data as data_module
from promptrec_tui.tuning.batches import Plan
from promptrec_tui.tuning.data import (
    TrainingTrees,
    UserEvents,
    checked_dataset,
    open_task,
    read_users,
    trees_at,
)
from promptrec_tui.tuning.jobs.job import open_job
from promptrec_tui.tuning.journal import Journal


def test_a_run_tells_everything_and_leaves_a_result(
    new_run: Callable[..., RunFolder], tune: Any, events: Any
) -> None:
    folder = new_run()
    outcome = tune(folder)
    assert (outcome.state, outcome.step) == (State.DONE, 6)
    kinds = Counter(event["kind"] for event in events(folder))
    assert kinds.keys() == {"phase", "computing", "metric", "preview", "evaluation", "checkpoint"}
    phases = [phase for phase, _ in groupby(event["phase"] for event in events(folder, "phase"))]
    assert phases == [
        *("loading", "checking", "first step", "baselines", "training", "previews", "training"),
        *("validating", "previews", "training") * 2,
        *("baselines", "validating", "testing", "previews", "finishing"),
    ]  # fmt: skip
    assert ("loading", 0, 24) in [
        (event["phase"], event["done"], event["total"]) for event in events(folder, "phase")
    ]
    # The first step comes before whatever is asked of the untuned model and of the baselines.
    first_step = next(event["seq"] for event in events(folder, "metric") if event["step"] == 1)
    assert first_step < events(folder, "evaluation")[0]["seq"] < events(folder, "preview")[0]["seq"]
    told = dict.fromkeys(event["part"] for event in events(folder, "phase"))
    assert sorted(told) == sorted(phase.id for phase in ORDER if phase not in (LIBRARIES, TEMPERATURE, BLEND))
    after = [phase.id for phase in ORDER if phase.id in told and phase not in IN_TRAINING]
    assert [part for part in told if part in after] == after
    for phase, users in (("validation", 4), ("untuned_test", 8), ("tuned_previews", 5)):
        counted = [
            event
            for event in events(folder, "phase")
            if event["part"] == phase and event["message"] != "Loss"
        ]
        assert [(event["done"], event["total"]) for event in (counted[0], counted[-1])] == [
            (0, users), (users, users),
        ]  # fmt: skip

    evaluations = [(event["stage"], event["name"], event["step"]) for event in events(folder, "evaluation")]
    best = next(event["step"] for event in reversed(events(folder, "checkpoint")) if event["best"])
    names = ("popularity", "markov", "item_knn", "knn_markov")
    assert evaluations == [
        *(("validation", name, 0) for name in names),
        *(("test", name, best) for name in names),
        ("test", "untuned", 0),
        ("test", "tuned", best),
    ]
    previews = events(folder, "preview")
    assert [(event["stage"], event["step"]) for event in previews] == [
        ("before", 0), ("now", 3), ("now", 6), ("after", best),
    ]  # fmt: skip
    assert all([user["user"] for user in event["users"]] == [
        user["user"] for user in previews[0]["users"]] for event in previews)  # fmt: skip
    (shown, *_) = previews[0]["users"]
    assert len(shown["top"]) == 10
    assert [item["logprob"] for item in shown["top"]] == sorted(
        (item["logprob"] for item in shown["top"]), reverse=True
    )
    assert not {item["title"] for item in shown["top"]} & set(shown["history"])

    report = json.loads(folder.report.read_text())
    assert report["users"] == 8 == len(report["cases"])
    assert report["protocol"]["stage"] == "test"
    assert report["preview_users"] == [user["user"] for user in previews[0]["users"]]
    assert set(report["metrics"]["gain"]) == {"before", "best_baseline"}
    text = folder.card.read_text()
    assert "| **tuned** |" in text
    assert (folder.adapter / "README.md").read_text() == text
    for file in (folder.card, folder.adapter / "adapter_config.json"):
        assert str(folder.home.root) not in file.read_text()
        assert folder.spec().model.folder not in file.read_text()
    assert (folder.adapter / "adapter_model.safetensors").is_file()


@pytest.mark.parametrize("untuned", [True, False])
def test_a_preview_has_as_many_titles_as_the_metrics_count(
    new_run: Callable[..., RunFolder], untuned: bool
) -> None:
    folder, cpu = new_run(evaluation__k=3, train__monitor="ndcg@3"), torch.device("cpu")
    with Journal(folder, 1) as journal:
        job = open_job(placed_spec(folder), folder.home, journal, None)  # type: ignore[arg-type]
        job.load(cpu, choose_dtype("fp32", cpu)).model.eval()
        shown = job.preview(job.preview_keys[0], untuned)
    assert len(shown.top) == 3


def test_slow_previews_do_not_hold_up_training(
    new_run: Callable[..., RunFolder], tune: Any, events: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is fast enough here, so that those before and after training are the only ones."""
    monkeypatch.setattr("promptrec_tui.tuning.callbacks.PREVIEW_SECONDS", 0.0)
    monkeypatch.setattr("promptrec_tui.tuning.callbacks.PREVIEW_SHARE", 0.0)
    folder = new_run()
    assert tune(folder).state == State.DONE
    assert [event["stage"] for event in events(folder, "preview")] == ["before", "after"]
    assert all(len(event["users"]) == 5 for event in events(folder, "preview"))


def test_a_model_learns_the_walk(new_run: Callable[..., RunFolder], tune: Any, events: Any) -> None:
    folder = new_run(
        train__max_steps=60, train__eval_every=60, train__learning_rate=0.03, tuning__dropout=0.0
    )
    tune(folder)
    losses = {
        event["step"]: event["values"]["validation_loss"]
        for event in events(folder, "metric")
        if "epoch" not in event
    }
    assert losses[60] < 0.75 * losses[0]
    trained = [event["values"]["train_loss"] for event in events(folder, "metric") if "epoch" in event]
    assert trained[-1] < 0.75 * trained[0]


def test_a_planted_leak_changes_the_report(
    new_run: Callable[..., RunFolder], tune: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest, leaking = new_run(id="honest"), new_run(id="leaking")
    tune(honest)

    def swapped(sequence: list[int]) -> Split | None:
        split = leave_one_out(sequence)
        return split and Split(split.training, validation=split.test, test=split.validation)

    monkeypatch.setattr("promptrec_tui.tuning.data.leave_one_out", swapped)
    tune(leaking)
    reports = [json.loads(folder.report.read_text()) for folder in (honest, leaking)]
    for name in ("before", "after"):
        ranks = [{user: row[name] for user, row in report["cases"].items()} for report in reports]
        assert ranks[0].keys() == ranks[1].keys()
        assert ranks[0] != ranks[1]
    baselines = [{user: row["markov"] for user, row in report["cases"].items()} for report in reports]
    assert baselines[0] != baselines[1]


def test_no_validation_or_test_target_is_trained(new_run: Callable[..., RunFolder]) -> None:
    folder = new_run()
    spec = folder.spec()
    data = spec.settings.data
    with checked_dataset(folder.home, spec) as dataset:
        users, task = read_users(dataset, data), open_task(spec, dataset, dataset.items())
    for user in users:
        labels = [
            tuple(tree.labels[tree.owners == owner].tolist())
            for tree in TrainingTrees(task, [user], data)
            for owner in range(tree.owners.max() + 1)
        ]
        assert labels == [task.completion(item) for item in user.sequence[2:-2]]
        whole = [
            token for tree in trees_at(task, user, [len(user.sequence) - 1], data) for token in tree.token_ids
        ]
        shown = tuple(task.completion(user.sequence[-2]))
        assert shown in {tuple(whole[at : at + len(shown)]) for at in range(len(whole))}, (
            "the validation event is in the history of the test target"
        )


def test_users_whose_events_are_shown_as_solved_are_not_trained(new_run: Callable[..., RunFolder]) -> None:
    folder = new_run(template="next-film-few-shot-en")
    spec = folder.spec()
    with checked_dataset(folder.home, spec) as dataset:
        users, task = read_users(dataset, spec.settings.data), open_task(spec, dataset, dataset.items())
        solved = draw_shots(dataset, spec.settings.data.tie_rule)
    assert task.shown == {shot.user_id for shot in solved}
    assert task.shown
    for user in users:
        trained = bool(TrainingTrees(task, [user], spec.settings.data))
        assert trained == (user.user_id not in task.shown and len(user.sequence) >= 5)
        for shot in task.shots:
            assert shot["item"]["title"] in task.prompt(user.sequence[:2]).text


def test_baselines_know_nothing_from_the_target_on(
    new_run: Callable[..., RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = new_run(evaluation__seen="kept")
    sequences = [[0, 1, 2, 3, 7], [1, 2, 0, 4, 8], [2, 0]]
    users = [
        UserEvents(number, f"u{number}", sequence, leave_one_out(sequence))
        for number, sequence in enumerate(sequences)
    ]
    monkeypatch.setattr("promptrec_tui.tuning.jobs.next_item.read_users", lambda *_: users)
    with Journal(folder, 1) as journal:
        job = open_job(folder.spec(), folder.home, journal, None)  # type: ignore[arg-type]
        # Items 7 and 8 are test targets, 3 and 4 validation targets; each occurs nowhere else.
        test, validation = (dict(job.baselines(stage))["popularity"] for stage in ("test", "validation"))
    # Of 40 items 0, 1, 2, 3, 4 have events; 7 ties with 34 others. Then 0, 1, 2 have; 3 ties with 36.
    np.testing.assert_array_equal(test.rows["rank"], [5 + 1 + 34 / 2] * 2)
    np.testing.assert_array_equal(validation.rows["rank"], [3 + 1 + 36 / 2] * 2)


def test_a_stopped_run_keeps_its_best_adapter_and_says_what_it_did_not_measure(
    new_run: Callable[..., RunFolder], tune: Any, events: Any
) -> None:
    folder = new_run()
    outcome = tune(folder, "stop", lambda kind, fields: kind == "checkpoint" and fields["step"] == 3)
    assert outcome.state == State.STOPPED
    assert outcome.step == 4
    report = json.loads(folder.report.read_text())
    assert report["metrics"]["after"] == {}
    assert report["metrics"]["gain"] == {}
    assert report["metrics"]["before"] == {}
    assert report["metrics"]["baselines"]["popularity"]["mrr"] > 0
    kept = (folder.adapter / "adapter_model.safetensors").read_bytes()
    assert kept == (folder.checkpoints / "checkpoint-3" / "adapter_model.safetensors").read_bytes()


def test_a_run_stopped_before_its_first_step_has_no_result(
    new_run: Callable[..., RunFolder], tune: Any
) -> None:
    folder = new_run()
    outcome = tune(folder, "stop", lambda kind, fields: kind == "computing")
    assert (outcome.state, outcome.step) == (State.STOPPED, 0)
    assert not folder.result.exists()


def test_a_loss_that_is_not_a_number_ends_the_run(
    new_run: Callable[..., RunFolder], tune: Any, events: Any
) -> None:
    folder = new_run(train__learning_rate=1e30, train__max_grad_norm=0.0, train__max_steps=20)
    outcome = tune(folder)
    assert outcome.state == State.FAILED
    assert "3 times in a row" in outcome.reason
    assert "train.learning_rate" in outcome.reason
    losses = [event["values"]["train_loss"] for event in events(folder, "metric") if "epoch" in event]
    assert losses[0] is not None
    assert losses[-1] is None, "a gap, never 0"
    for path in folder.checkpoints.glob("checkpoint-*/adapter_model.safetensors"):
        assert all(bool(weight.isfinite().all()) for weight in load_file(path).values())


def test_a_changed_dataset_is_refused(new_run: Callable[..., RunFolder], tune: Any, home: Home) -> None:
    folder = new_run()
    with open(home.datasets / "d.sqlite", "ab") as file:
        file.write(b"x")
    with pytest.raises(UserError, match="import the data again"):
        tune(folder)


def test_the_untuned_model_never_delays_a_step(
    new_run: Callable[..., RunFolder], tune: Any, events: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = new_run()
    # No time for a single user: the run goes on all the same, and says what it left.
    monkeypatch.setattr("promptrec_tui.tuning.evaluator.PREVIEW_SECONDS", 0.0)
    assert tune(folder).state == State.DONE
    measured = [event["step"] for event in events(folder, "metric") if "epoch" not in event]
    assert measured == [3, 6, 0]
    assert not events(folder, "preview")
    left = [event["message"] for event in events(folder, "warning") if "Previews at step" in event["message"]]
    assert len(left) == 4
    assert "with 0 of 5 users" in left[0]
    report = json.loads(folder.report.read_text())
    assert report["metrics"]["after"]["mrr"] > 0


def test_only_the_trees_that_steps_ask_for_are_rendered(
    new_run: Callable[..., RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = new_run()
    spec = folder.spec()
    data = spec.settings.data
    with checked_dataset(folder.home, spec) as dataset:
        users, task = read_users(dataset, data), open_task(spec, dataset, dataset.items())
    eager = [tree for user in users if user.split for tree in trees_at(task, user, user.split.training, data)]
    rendered = []
    merged = data_module.merge
    monkeypatch.setattr(data_module, "merge", lambda *given: rendered.append(given) or merged(*given))
    lazy = TrainingTrees(task, users, data)
    assert lazy.sizes == [int(tree.owners.max()) + 1 for tree in eager]
    first = Plan(lazy, batch_size=4, seed=3, max_steps=3, sizes=lazy.sizes)
    assert not rendered
    whole = Plan(eager, batch_size=4, seed=3, max_steps=3)
    for step in (2, 0, 1):
        for ours, theirs in zip(first.batches(step), whole.batches(step), strict=True):
            assert all(ours[name].equal(theirs[name]) for name in ours)
    assert 0 < len(rendered) < len(eager)


def test_a_run_says_what_it_computes_with(new_run: Callable[..., RunFolder], tune: Any, events: Any) -> None:
    folder = new_run()
    tune(folder)
    expected = {"device": "the CPU", "precision": "fp32", "attention": "sdpa"}
    (event,) = events(folder, "computing")
    assert expected.items() <= event.items()
    assert json.loads(folder.attempt(1).computing.read_text()) == expected
    assert json.loads(folder.report.read_text())["computing"] == expected


def test_a_claimed_gpu_that_torch_cannot_use_is_told(
    new_run: Callable[..., RunFolder], tune: Any, events: Any
) -> None:
    quiet, claimed = new_run(id="quiet", train__max_steps=1), new_run(id="claimed", train__max_steps=1)

    def claim(_kind: str, _fields: Any) -> bool:
        write_json(claimed.attempt(1).claim, {"device": "GPU-aa", "slot": "GPU-aa"})
        return False

    tune(quiet)
    tune(claimed, "stop", claim)
    assert events(quiet, "warning") == []
    (warning,) = events(claimed, "warning")
    assert warning["message"].startswith("This run holds GPU-aa but computes on the CPU")
    assert "Install a torch with CUDA" in warning["message"]
