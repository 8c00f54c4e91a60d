"""What a run's model answers: the labels of texts, and one sentence where it cannot answer."""

import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from promptrec_tui.datasets.dataset import open_dataset
from promptrec_tui.datasets.importer import ImportOptions, import_dataset
from promptrec_tui.errors import UserError
from promptrec_tui.home import Home
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.serving.loading import LoadedRun, load
from promptrec_tui.serving.messages import Classify, Labelling, Rank, ScoredText, TopK
from promptrec_tui.serving.scorer import answer
from promptrec_tui.serving.stdio import serve
from promptrec_tui.tuning.jobs.label_answers import LabelAnswers

NewRun = Callable[..., RunFolder]


def classified(loaded: LoadedRun, *texts: str, untuned: bool = False) -> tuple[ScoredText, ...]:
    """The answer to a question about texts."""
    said = answer(loaded, Classify(texts, untuned))
    assert isinstance(said, Labelling)
    assert said.adapter == (None if untuned else "result")
    return said.texts


@pytest.mark.parametrize("family", ["encoder", "causal"])
def test_probabilities_are_those_of_the_runs_predictions(
    new_classifier: NewRun, texts: Home, tune: Any, family: str
) -> None:
    folder = new_classifier(family, train__max_steps=12, train__learning_rate=0.02)
    tune(folder)
    report = json.loads(folder.report.read_text())
    labels = report["labels"]
    with open_dataset(texts.datasets / "d.sqlite") as dataset:
        examples = {str(example.example_id): example.texts["text"] for example in dataset.examples()}
    loaded = load(folder, "cpu")
    for side, untuned in (("after", False), ("before", True)):
        answers = classified(loaded, *(examples[key] for key in report["cases"]), untuned=untuned)
        assert len(answers) == 30
        for said, (key, case) in zip(answers, report["cases"].items(), strict=True):
            row = case[side]
            assert said.text == examples[key]
            assert said.label == labels[row["label"]]
            assert said.probabilities[said.label] == pytest.approx(row["confidence"], abs=1e-6)
            assert math.log(said.probabilities[labels[row["target"]]]) == pytest.approx(
                row["logprob"], abs=1e-5
            )
            assert sum(said.probabilities.values()) == pytest.approx(1)
    (alone,) = classified(loaded, answers[0].text)
    (first, *_) = classified(loaded, *(each.text for each in answers))
    assert alone.label == first.label
    assert alone.probabilities == pytest.approx(first.probabilities, abs=1e-5)
    assert not hasattr(loaded.job, "texts"), "no case is read for a question"


def test_texts_are_those_that_the_template_and_the_model_can_read(new_classifier: NewRun, tune: Any) -> None:
    folder = new_classifier("encoder")
    tune(folder)
    loaded = load(folder, "cpu")
    (long,) = classified(loaded, "rain " * 500)
    assert sum(long.probabilities.values()) == pytest.approx(1)
    assert long.cut == loaded.job.tokenizer.context == 40
    read = len(loaded.job.task.prompt({"text": "rain"}).token_ids) + 1
    fits, over = classified(loaded, *("rain " * (1 + 40 - read + more) for more in (0, 1)))
    assert (fits.cut, over.cut) == (None, 40)
    (other,) = classified(loaded, "rain " * 500 + "song")
    assert other.probabilities == pytest.approx(long.probabilities, abs=1e-6)
    (foreign,) = classified(loaded, "霸王别姬 \u202e never seen")
    assert foreign.text == "霸王别姬 \u202e never seen"
    for wrong, words in (((), "no text"), (("rain", " \n"), "A text is empty")):
        with pytest.raises(UserError, match=words):
            classified(loaded, *wrong)


def test_texts_of_several_fields_are_given_as_objects(
    new_classifier: NewRun, texts: Home, tmp_path: Path, tune: Any
) -> None:
    def loaded_with(instruction: str, id: str) -> LoadedRun:
        rows = [
            {"instruction": instruction.format(n % 2), "input": f"song {n}", "output": ("good", "bad")[n % 2]}
            for n in range(60)
        ]
        (tmp_path / "rows.json").write_text(json.dumps(rows))
        (texts.datasets / "d.sqlite").unlink()
        import_dataset(tmp_path / "rows.json", texts.datasets / "d.sqlite", ImportOptions())
        folder = new_classifier("causal", id=id, train__max_steps=1)
        tune(folder)
        return load(folder, "cpu")

    loaded = loaded_with("How is it?", "same")
    assert isinstance(loaded.job, LabelAnswers)
    (row,) = loaded.job.answer([{"instruction": "How is it?", "input": "song 7"}])
    (one,) = classified(loaded, "song 7")
    assert list(one.probabilities.values()) == pytest.approx([math.exp(value) for value in row])

    loaded = loaded_with("How is it, part {}?", "several")
    assert isinstance(loaded.job, LabelAnswers)
    (row,) = loaded.job.answer([{"instruction": "Is it?", "input": "tune"}])
    (one,) = classified(loaded, '{"input": "tune", "instruction": "Is it?"}')
    assert list(one.probabilities.values()) == pytest.approx([math.exp(value) for value in row])
    for wrong, words in (
        ("song 1", r'have 2 fields: give each one as \{"instruction": "…", "input": "…"\}'),
        ('{"input": 3}', "have 2 fields"),
        ("{}", "have 2 fields"),
        ('{"inputs": "x"}', "no field 'inputs'. Did you mean 'input'"),
    ):
        with pytest.raises(UserError, match=words):
            classified(loaded, wrong)


def test_a_broken_model_gives_no_probabilities(new_classifier: NewRun, tune: Any) -> None:
    folder = new_classifier("causal", train__max_steps=1)
    tune(folder)
    loaded = load(folder, "cpu")
    for name, weight in loaded.tuned.model.named_parameters():
        if "lora_B" in name:
            weight.data.fill_(math.nan)
    with pytest.raises(UserError, match="is not a number"):
        classified(loaded, "rain")
    assert classified(loaded, "rain", untuned=True)


def test_a_run_without_an_adapter_answers_untuned_only(new_classifier: NewRun) -> None:
    loaded = load(new_classifier("encoder"), "cpu")
    with pytest.raises(UserError, match="no adapter yet"):
        answer(loaded, Classify(("rain",)))
    (said,) = classified(loaded, "rain", untuned=True)
    assert said.probabilities == pytest.approx({"food": 1 / 3, "music": 1 / 3, "weather": 1 / 3})
    assert said.label == "food"


def test_a_run_that_classifies_ranks_no_items(new_classifier: NewRun) -> None:
    with pytest.raises(UserError, match="of the task classify, and 'top_k' is for next_item only"):
        answer(load(new_classifier("causal"), "cpu"), TopK(("i1",), untuned=True))


def test_a_run_that_recommends_classifies_no_texts(new_run: NewRun) -> None:
    with pytest.raises(UserError, match="of the task next_item, and 'classify' is for classify only"):
        answer(load(new_run(), "cpu"), Classify(("rain",), untuned=True))


def test_wrong_questions_about_items_are_told(new_run: NewRun) -> None:
    loaded = load(new_run(), "cpu")
    for request, words in (
        (TopK((), untuned=True), "history is empty"),
        (TopK(("i1",), 0, untuned=True), "k must be at least 1"),
        (TopK(("i1\x1b[2J",), untuned=True), r"no item 'i1\[2J'"),
        (Rank(("i1",), "i999", untuned=True), "no item 'i999'"),
    ):
        with pytest.raises(UserError, match=words):
            answer(loaded, request)


def test_no_line_ends_the_process(new_run: NewRun) -> None:
    loaded = load(new_run(), "cpu")
    good = json.dumps({"id": "x", "verb": "top_k", "history": ["i1"], "k": 2, "untuned": True})
    lines = ["", "{", "[]", "[" * 5000, '{"id": 7}', '{"id": [1], "verb": "sing"}', '{"verb": "rank"}', good]
    said = io.StringIO()
    serve(loaded, io.StringIO("".join(f"{line}\n" for line in lines)), said)
    answers = [json.loads(line) for line in said.getvalue().splitlines()]
    assert len(answers) == len(lines)
    assert all(each.keys() == {"id", "error"} for each in answers[:-1])
    assert [each["id"] for each in answers] == [None, None, None, None, 7, [1], None, "x"]
    assert all("Unexpected" not in each["error"] for each in answers[:-1])
    assert len(answers[-1]["items"]) == 2
