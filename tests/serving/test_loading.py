"""A scorer that lives while its run goes on: each answer is by the adapter that the run has by then."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from promptrec_tui.errors import UserError
from promptrec_tui.files import sha256_folder, write_json
from promptrec_tui.home import Home
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.serving import loading as module
from promptrec_tui.serving.loading import LoadedRun, load, refreshed
from promptrec_tui.serving.messages import Ranking, Scores
from promptrec_tui.serving.scorer import answer
from promptrec_tui.tokentree.ranker import Ranker
from promptrec_tui.tuning.jobs.next_item import NextItemJob

HISTORY = ["i3", "i4", "i5"]
LOGPROBS = dict[str, float]
Ask = Callable[..., dict[str, Any]]


def pause_at(step: int) -> Any:
    """The moment of the first checkpoint at `step` or later."""
    return lambda kind, fields: kind == "checkpoint" and fields["step"] >= step


def logprobs(said: dict[str, Any]) -> LOGPROBS:
    """Log-probabilities by key."""
    assert "error" not in said, said
    return {item["key"]: item["logprob"] for item in said["items"]}


def scores(loaded: LoadedRun, untuned: bool = False) -> LOGPROBS:
    """The scores after the history by a model in this process."""
    ranking = answer(loaded, Scores(tuple(HISTORY), untuned=untuned))
    assert isinstance(ranking, Ranking)
    return {item.key: item.logprob for item in ranking.items if item.logprob is not None}


@pytest.fixture
def folder(new_run: Callable[..., RunFolder]) -> RunFolder:
    """A run that has not begun, whose validation loss falls at every look."""
    return new_run(train__max_steps=12, train__monitor="validation_loss", train__learning_rate=0.003)


@pytest.fixture
def ask(child: Any, home: Home, folder: RunFolder) -> Iterator[Ask]:
    """Asks one scorer process, started before the run has an adapter."""
    process = child(home, "promptrec_tui.serving.stdio", folder.id)
    hello = json.loads(process.stdout.readline())
    assert (hello["ready"], hello["adapter"]) == (True, None)

    def question(**fields: Any) -> dict[str, Any]:
        process.stdin.write(json.dumps({"id": 1, "verb": "scores", "history": HISTORY, **fields}) + "\n")
        process.stdin.flush()
        said: dict[str, Any] = json.loads(process.stdout.readline())
        return said

    yield question
    process.kill()
    process.communicate()


def test_a_living_scorer_follows_its_run_from_nothing_to_its_result(
    folder: RunFolder, tune: Any, ask: Ask
) -> None:
    untuned = ask(untuned=True)
    assert untuned["adapter"] is None
    assert "no adapter yet" in ask()["error"]

    seen = []
    for step, name in ((3, "checkpoint-3"), (6, "checkpoint-6")):
        tune(folder, "pause", pause_at(step))
        said = ask()
        assert said["adapter"] == name
        # The other process may compute with another number of threads.
        assert logprobs(said) == pytest.approx(scores(load(folder, "cpu")), abs=1e-4)
        seen.append(logprobs(said))
    tune(folder)
    said = ask()
    assert said["adapter"] == "result"
    assert logprobs(said) == pytest.approx(scores(load(folder, "cpu")), abs=1e-4)
    seen.append(logprobs(said))

    for index, one in enumerate([logprobs(untuned), *seen]):
        for other in seen[index:]:
            assert max(abs(one[key] - other[key]) for key in one) > 1e-3
    assert logprobs(ask(untuned=True)) == pytest.approx(logprobs(untuned), abs=1e-5)


def test_nothing_is_read_again_while_nothing_changes(
    folder: RunFolder, tune: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tune(folder, "pause", pause_at(3))
    loaded = load(folder, "cpu")

    def refuse(_: RunFolder) -> Path | None:
        raise AssertionError("it looked into the checkpoints")

    with monkeypatch.context() as patched:
        patched.setattr(module, "adapter_folder", refuse)
        assert refreshed(loaded) is loaded
    # A checkpoint that is not the best changes the folders, and not the weights.
    newest = folder.checkpoints / "checkpoint-9"
    newest.mkdir()
    (newest / "manifest.json").write_text("{}")
    later = refreshed(loaded)
    assert (later.adapter, later.tuned) == (loaded.adapter, loaded.tuned)
    assert refreshed(later) is later


def test_a_result_that_was_exchanged_is_loaded(folder: RunFolder, tune: Any, tmp_path: Path) -> None:
    tune(folder, "stop", pause_at(3))
    loaded = load(folder, "cpu")
    before = scores(loaded)
    tune(folder)
    assert loaded.adapter_name == "result"
    after = scores(refreshed(loaded))
    assert after != before
    assert after == scores(load(folder, "cpu"))


def test_an_adapter_that_cannot_be_loaded_leaves_the_present_one(
    folder: RunFolder, tune: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.0)
    bare = load(folder, "cpu")
    untuned = scores(bare, untuned=True)
    tune(folder, "pause", pause_at(3))
    loaded = load(folder, "cpu")
    before = scores(loaded)
    shutil.copytree(folder.checkpoints / "checkpoint-3", folder.adapter)
    weights = folder.adapter / "adapter_model.safetensors"
    write_json(folder.report, {"adapter_sha256": sha256_folder(folder.adapter)})
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-8])

    loaded = refreshed(loaded)
    assert loaded.adapter_name == "checkpoint-3"
    assert scores(loaded) == before
    assert "is damaged: it is not what the run wrote" in capsys.readouterr().err
    bare = refreshed(bare)
    with pytest.raises(UserError, match="no adapter yet"):
        scores(bare)
    assert scores(bare, untuned=True) == untuned

    weights.unlink()
    weights.write_bytes(whole)
    assert refreshed(loaded).adapter_name == "result"
    assert scores(refreshed(bare)) == pytest.approx(before, abs=1e-6)


@pytest.mark.parametrize("method", ["full", "last_layers"])
def test_tuned_weights_are_served_from_checkpoint_and_result(
    new_run: Callable[..., RunFolder], tune: Any, model_folder: Path, method: str
) -> None:
    folder = new_run(tuning__method=method, train__learning_rate=1e-3)
    loaded = load(folder, "cpu")
    untuned = scores(loaded, untuned=True)
    tune(folder, "pause", pause_at(3))
    loaded = refreshed(loaded)
    assert loaded.adapter_name == "checkpoint-3"
    early = scores(loaded)
    assert scores(loaded, untuned=True) == untuned
    tune(folder)
    loaded = refreshed(loaded)
    assert loaded.adapter_name == "result"
    tuned = scores(loaded)
    assert max(abs(early[key] - untuned[key]) for key in untuned) > 1e-3
    assert tuned == scores(load(folder, "cpu"))
    assert scores(loaded, untuned=True) == untuned

    plain = AutoModelForCausalLM.from_pretrained(str(model_folder))
    plain.load_state_dict(load_file(folder.adapter / "tuned_weights.safetensors"), strict=False)
    job = loaded.job
    assert isinstance(job, NextItemJob)
    prompt = job.task.prompt([job.item_ids[key] for key in HISTORY]).token_ids
    by_hand = Ranker(plain.eval(), job.task.catalogue).scores(prompt).tolist()
    assert [by_hand[job.item_ids[key]] for key in tuned] == pytest.approx([*tuned.values()], abs=1e-5)
    card = folder.card.read_text()
    assert "tuned_weights.safetensors" in card
    assert f"| method | {method}" in card
    assert "peft" not in card
