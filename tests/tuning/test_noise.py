"""Scores in bf16 are a little off: more than that is refused, and reports say what hangs on it."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from promptrec_tui.errors import UserError
from promptrec_tui.evaluation.noise import doubts, noise_report
from promptrec_tui.models.loading import load_base
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.report import read_report
from promptrec_tui.runs.states import State
from promptrec_tui.tokentree.ranker import Ranker
from promptrec_tui.tuning import recipe
from promptrec_tui.tuning.data import checked_dataset, open_task, read_users
from promptrec_tui.tuning.jobs import next_item
from promptrec_tui.tuning.journal import Journal
from promptrec_tui.tuning.ranking import check_engine

Check = Callable[..., float]


@pytest.fixture
def check(new_run: Callable[..., RunFolder], model_folder: Path) -> Check:
    """Checks a model, changed by `damage`, in a precision; keeps what was told."""

    def run(
        dtype: torch.dtype, damage: Callable[[Any], None] = lambda model: None, mean: bool = False
    ) -> float:
        folder = new_run()
        folder.attempt(1).path.mkdir(parents=True)
        spec = folder.spec()
        with checked_dataset(folder.home, spec) as dataset:
            user = read_users(dataset, spec.settings.data)[0]
            task = open_task(spec, dataset, dataset.items())
        model: Any = load_base(model_folder, torch.device("cpu"), dtype).to(dtype)
        damage(model)
        prompt = task.prompt(user.sequence[:-1]).token_ids
        with Journal(folder, 1) as journal:
            return check_engine(
                Ranker(model, task.catalogue, "mean" if mean else "sum"), prompt, task.catalogue[:3], journal
            )

    return run


def halved(model: Any) -> None:
    """What transformers' own head answers is not what the engine knows of it."""

    def scale(_module: Any, _given: Any, output: Any) -> Any:
        output.logits = output.logits / 2
        return output

    model.register_forward_hook(scale)


def nan(model: Any) -> None:
    with torch.no_grad():
        model.model.layers[0].mlp.down_proj.weight[0, 0] = math.nan


def test_the_noise_of_bf16_is_measured_and_told(check: Check, tmp_path: Path, events: Any, home: Any) -> None:
    noise = check(torch.bfloat16)
    assert 1e-4 < noise < 0.5
    (warning,) = events(RunFolder(home.runs / "run1"), "warning")
    assert f"In bf16 the token tree and plain forwards differ by up to {noise:.2g} nats" in warning["message"]


def test_a_mean_over_tokens_is_less_off(check: Check, new_run: Any, home: Any) -> None:
    whole = check(torch.bfloat16)
    (home.runs / "run1").rename(home.runs / "other")
    assert 0 < check(torch.bfloat16, mean=True) < whole


def test_fp32_has_no_noise_that_matters(check: Check, events: Any, home: Any) -> None:
    assert check(torch.float32) == 0
    assert not events(RunFolder(home.runs / "run1"), "warning")


@pytest.mark.parametrize(("damage", "said"), [(halved, r"[0-9.]+ nats apart"), (nan, r"not numbers \(NaN\)")])
def test_more_than_noise_is_refused_in_bf16(check: Check, damage: Any, said: str) -> None:
    with pytest.raises(UserError, match=rf"In bf16 .* are {said}.*train.precision=fp32"):
        check(torch.bfloat16, damage)


@pytest.mark.parametrize(("damage", "said"), [(halved, r"[0-9.]+ nats apart"), (nan, r"not numbers \(NaN\)")])
def test_more_than_rounding_is_refused_in_fp32(check: Check, damage: Any, said: str) -> None:
    with pytest.raises(UserError, match=rf"In fp32 .* are {said}.*model of another type"):
        check(torch.float32, damage)


def in_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run in bf16 as a GPU would make it; on a CPU it is only slower."""
    monkeypatch.setattr(recipe, "choose_dtype", lambda *_: torch.bfloat16)
    monkeypatch.setattr(next_item, "load_base", lambda *given: load_base(*given).to(torch.bfloat16))


def test_the_report_of_a_bf16_run_says_which_ranks_hang_on_noise(
    new_run: Callable[..., RunFolder], tune: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_bf16(monkeypatch)
    folder = new_run(train__max_steps=3)
    assert tune(folder).state == State.DONE
    report = read_report(folder)
    noise = report["noise"]
    assert report["protocol"]["precision"] == "bf16"
    assert 0 < noise["nats"] < 0.5
    assert noise["users"] == report["users"] == 8
    for model in ("before", "after"):
        assert 0 <= noise[model]["hits"] <= noise[model]["users"] <= 8
    assert noise["sentence"].startswith(
        f"In bf16 a score may be off by {noise['nats']:.2g} nats, so that ranks of the 8 test users"
    )
    assert noise["sentence"] in folder.card.read_text()


def test_an_exact_run_has_no_word_of_noise(new_run: Callable[..., RunFolder], tune: Any) -> None:
    folder = new_run(train__max_steps=1)
    tune(folder)
    assert "noise" not in read_report(folder)
    assert "may be off" not in folder.card.read_text()


def test_ranks_and_hits_that_could_be_others_are_counted() -> None:
    ranks = [(1.0, 1.0), (3.0, 5.0), (9.0, 11.0), (10.0, 10.5), (11.0, 40.0), (math.nan, math.nan)]
    assert doubts(ranks, 10) == {"users": 4, "hits": 2}
    noise = noise_report(0.031, "bf16", 10, 6, ranks, None)
    assert noise["after"] is None
    assert noise["sentence"].endswith("are uncertain: 4 untuned (2 of them across rank 10).")
    assert noise_report(0.031, "bf16", 10, 6, None, None)["sentence"] == ""
