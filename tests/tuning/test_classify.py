"""Classifiers: an encoder with a head, and a decoder whose answers are the labels."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel

from promptrec_tui.datasets.importer import ImportOptions, import_dataset
from promptrec_tui.errors import UserError
from promptrec_tui.files import sha256_file, sha256_folder
from promptrec_tui.home import Home
from promptrec_tui.prompts.library import builtin_templates
from promptrec_tui.runs.folder import RunFolder, create_run
from promptrec_tui.runs.settings import apply_settings
from promptrec_tui.runs.spec import RunSpec, Settings
from promptrec_tui.runs.states import State
from promptrec_tui.runs.tuning_settings import METHODS
from promptrec_tui.tasks.defaults import FACTS
from promptrec_tui.tuning.jobs.encoder_classes import EncoderClasses
from promptrec_tui.tuning.jobs.job import open_job
from promptrec_tui.tuning.journal import Journal

FAMILIES = ("encoder", "causal")
WORDS = {"weather": "rain sun wind cloud", "music": "song drum tune choir", "food": "bread soup rice apple"}
SETTINGS = {
    "run.device": "cpu",
    "run.threads": 1,
    "tuning.rank": 4,
    "train.batch_size": 16,
    "train.learning_rate": 0.01,
    "train.max_steps": 6,
    "train.eval_every": 3,
    "train.patience": 0,
    "train.monitor": "macro_f1",
    "evaluation.users": 30,
    "evaluation.monitor_users": 12,
}


def rows(count: int, split: str) -> list[str]:
    """Lines of a CSV of texts whose words tell their label."""
    chance = random.Random(split)
    labels = list(WORDS)
    lines = []
    for number in range(count):
        label = labels[number % 3]
        text = " ".join(
            [
                *chance.choices(WORDS[label].split(), k=2),
                *chance.choices(["the", "a", "of", "in"], k=1 + number % 4),
            ]
        )
        lines.append(f"{text},{label},{split}")
    return lines


@pytest.fixture
def texts(tmp_path: Path) -> Home:
    """A home with labelled texts in three splits; one test text has a label of its own."""
    home = Home(tmp_path / "home").create()
    lines = [*rows(90, "train"), *rows(20, "valid"), *rows(30, "test"), "odd one,nothing,test"]
    (tmp_path / "texts.csv").write_text("\n".join(["text,label,split", *lines]) + "\n")
    import_dataset(tmp_path / "texts.csv", home.datasets / "d.sqlite", ImportOptions(format="labelled"))
    return home


@pytest.fixture(scope="module")
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of two layers, 32 wide, with random weights and a tokenizer of whole words."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("encoder")
    words = sorted(
        {word for line in WORDS.values() for word in line.split()} | {*["the", "a", "of", "in", "=>", "."]}
    )
    vocabulary = {token: index for index, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"sep_token": "[SEP]", "cls_token": "[CLS]"}))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=40,
        # Wide enough that texts differ to the head.
        initializer_range=0.3,
        pad_token_id=0,
    )
    BertModel(config).save_pretrained(str(folder))
    return folder


NewRun = Callable[..., RunFolder]


@pytest.fixture
def new_classifier(texts: Home, encoder_folder: Path, model_folder: Path) -> NewRun:
    """Makes the folder of a run of labels, with a model of a family; settings go by their dotted keys."""

    def make(family: str, id: str = "run1", template: str = "label", **changes: Any) -> RunFolder:
        dataset = texts.datasets / "d.sqlite"
        chosen = next(known for known in builtin_templates() if known.name == template)
        folder = encoder_folder if family == "encoder" else model_folder
        given = {name.replace("__", "."): value for name, value in changes.items()}
        spec = {
            "id": id,
            "name": id,
            "created": "2026-01-01T00:00:00Z",
            "task": "classify",
            "dataset": {
                "id": "d",
                "name": "texts",
                "file": "datasets/d.sqlite",
                "sha256": sha256_file(dataset),
            },
            "template": {
                "id": "t",
                "version": 1,
                "sha256": chosen.sha256,
                **{
                    name: getattr(chosen, name)
                    for name in ("name", "task", "language", "prompt", "completion", "end_token")
                },
            },
            "model": {
                "id": "m",
                "name": family,
                "folder": str(folder),
                "sha256": sha256_folder(folder),
                "family": family,
                "model_type": "bert" if family == "encoder" else "qwen3",
            },
            "settings": apply_settings(apply_settings(Settings(), SETTINGS), given).model_dump(),
            "versions": {},
            "machine": {},
        }
        return create_run(texts, RunSpec.model_validate(spec))

    return make


def report_of(folder: RunFolder) -> dict[str, Any]:
    return dict(json.loads(folder.report.read_text()))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_classifier_learns_and_tells_everything(
    new_classifier: NewRun, tune: Any, events: Any, family: str
) -> None:
    folder = new_classifier(family, train__max_steps=120, train__eval_every=60, train__learning_rate=0.01)
    outcome = tune(folder)
    assert (outcome.state, outcome.step) == (State.DONE, 120)
    report = report_of(folder)
    assert report["lead"] == "macro_f1"
    assert report["users"] == 30
    metrics = report["metrics"]
    assert list(metrics["after"]) == ["accuracy", "macro_f1", "logloss", "ece"]
    assert metrics["after"]["macro_f1"] > 0.55 > 0.4 > metrics["before"]["macro_f1"]
    assert metrics["baselines"]["naive_bayes"]["accuracy"] == 1
    assert metrics["baselines"]["majority"]["accuracy"] == pytest.approx(1 / 3)
    assert metrics["gain"]["before"]["macro_f1"]["low"] > 0
    assert metrics["gain"]["best_baseline"]["name"] == "naive_bayes"
    assert report["labels"] == ["food", "music", "weather"]
    assert sum(map(sum, report["confusion"])) == 30
    assert sum(figures["support"] for figures in report["per_class"].values()) == 30

    curve = [event for event in events(folder, "metric") if "epoch" not in event]
    assert [event["step"] for event in curve] == [60, 120, 0]
    assert all({"validation_loss", "macro_f1"} <= event["values"].keys() for event in curve)
    assert curve[0]["lead"] == {"name": "macro_f1", "higher_is_better": True}
    (shown, *_) = events(folder, "preview")[-1]["users"]
    assert shown["target"] in report["labels"]
    assert {item["title"] for item in shown["top"]} == set(report["labels"])
    (warning,) = [event["message"] for event in events(folder, "warning") if "left out" in event["message"]]
    assert warning.startswith("1 test texts are left out: their labels ('nothing')")
    card = folder.card.read_text()
    assert "text-classification" in card
    assert "| **tuned** |" in card


@pytest.mark.parametrize(
    ("family", "method"),
    [
        ("encoder", "lora"),
        ("causal", "lora"),
        ("encoder", "full"),
        ("encoder", "last_layers"),
        ("causal", "full"),
    ],
)
def test_a_paused_classifier_ends_as_an_undisturbed_one(
    new_classifier: NewRun, tune: Any, family: str, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("promptrec_tui.tuning.callbacks.METRIC_SECONDS", 0.0)
    straight, paused = (
        new_classifier(family, id=name, tuning__method=method) for name in ("straight", "paused")
    )
    assert tune(straight).state == State.DONE
    at_4 = tune(paused, "pause", lambda kind, fields: kind == "metric" and fields["step"] == 4)
    assert (at_4.state, at_4.step) == (State.PAUSED, 4)
    assert tune(paused).state == State.DONE
    weights = [
        path.read_bytes() for folder in (straight, paused) for path in folder.adapter.glob("*.safetensors")
    ]
    assert len(weights) == 2
    assert weights[0] == weights[1]
    assert report_of(straight)["metrics"] == report_of(paused)["metrics"]
    before = report_of(straight)["cases"].values()
    if family == "encoder":
        assert all(case["before"]["confidence"] == pytest.approx(1 / 3) for case in before)
    assert report_of(straight)["cases"] == report_of(paused)["cases"]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("method", METHODS)
def test_every_method_takes_two_steps_or_is_refused(
    new_classifier: NewRun, tune: Any, family: str, method: str
) -> None:
    two = {"train__max_steps": 2, "train__eval_every": 2, "evaluation__users": 4}
    folder = new_classifier(family, tuning__method=method, **two)
    if (family, method) == ("causal", "head"):
        with pytest.raises(UserError, match="last_layers"):
            tune(folder)
        return
    outcome = tune(folder)
    assert (outcome.state, outcome.step) == (State.DONE, 0 if method == "none" else 2), outcome.reason
    metrics = report_of(folder)["metrics"]
    assert (metrics["before"]["logloss"] == metrics["after"]["logloss"]) == (method == "none")


def test_the_adapter_has_the_head_and_loads_in_plain_peft(
    new_classifier: NewRun, tune: Any, encoder_folder: Path
) -> None:
    from transformers import AutoModelForSequenceClassification

    folder = new_classifier("encoder", train__max_steps=20, train__learning_rate=0.02)
    tune(folder)
    base = AutoModelForSequenceClassification.from_pretrained(str(encoder_folder), num_labels=3)
    plain = PeftModel.from_pretrained(base, str(folder.adapter)).eval()
    with Journal(folder, 2) as journal:
        job = open_job(folder.spec(), folder.home, journal, None)  # type: ignore[arg-type]
    assert isinstance(job, EncoderClasses)
    job.padding = 0
    report = report_of(folder)
    for text in job.texts["test"][:5]:
        ids = torch.tensor([job._token_ids(text)])
        with torch.no_grad():
            row = torch.log_softmax(plain(input_ids=ids).logits[0], dim=-1)
        case = report["cases"][text.key]["after"]
        assert row[text.label].item() == pytest.approx(case["logprob"], abs=1e-5)
        assert row.argmax().item() == case["label"]


def test_the_untuned_encoder_finds_all_labels_alike(new_classifier: NewRun, tune: Any) -> None:
    folder = new_classifier("encoder")
    tune(folder)
    cases = report_of(folder)["cases"].values()
    assert all(case["before"]["confidence"] == pytest.approx(1 / 3) for case in cases)


def test_an_encoder_that_sees_padding_is_refused(
    new_classifier: NewRun, tune: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from promptrec_tui.tuning.jobs import encoder_classes

    batch = encoder_classes.labelled_batch

    def blind(*given: Any) -> Any:
        made = batch(*given)
        return {**made, "mask": torch.ones_like(made["mask"])}

    def seeing(*given: Any, **named: Any) -> Any:
        model = loaded(*given, **named)
        with torch.no_grad():
            model.classifier.weight.normal_()
        return model

    loaded = encoder_classes.load_classifier
    monkeypatch.setattr(encoder_classes, "labelled_batch", blind)
    monkeypatch.setattr(encoder_classes, "load_classifier", seeing)
    with pytest.raises(UserError, match="in a batch and one by one"):
        tune(new_classifier("encoder"))


def test_a_text_that_is_too_long_loses_its_end(new_classifier: NewRun) -> None:
    folder = new_classifier("encoder")
    with Journal(folder, 1) as journal:
        job = open_job(folder.spec(), folder.home, journal, None)  # type: ignore[arg-type]
        assert isinstance(job, EncoderClasses)
        job.load(torch.device("cpu"), torch.float32)
        long = type(job.training[0])("x", {"text": "rain " * 100}, 0)
        ids = job._token_ids(long)
    assert len(ids) == 40
    assert ids[0] == 2
    assert ids[-1] == 3


def test_texts_without_memory_are_asked_in_halves(
    new_classifier: NewRun, tune: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight, small = (new_classifier("encoder", id=name) for name in ("straight", "small"))
    tune(straight)
    from transformers import BertForSequenceClassification

    forward = BertForSequenceClassification.forward

    def narrow(self: Any, *given: Any, **named: Any) -> Any:
        if not self.training and len(named["input_ids"]) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return forward(self, *given, **named)

    monkeypatch.setattr(BertForSequenceClassification, "forward", narrow)
    assert tune(small).state == State.DONE
    after = [report_of(folder)["metrics"]["after"] for folder in (straight, small)]
    assert after[0] == pytest.approx(after[1], abs=1e-6)


@pytest.mark.parametrize("monitor", [*FACTS["classify"].monitors, "validation_loss"])
def test_every_metric_can_decide(new_classifier: NewRun, tune: Any, events: Any, monitor: str) -> None:
    folder = new_classifier("encoder", train__monitor=monitor, train__max_steps=2, train__eval_every=1)
    assert tune(folder).state == State.DONE
    values = {
        event["step"]: event["values"][monitor]
        for event in events(folder, "metric")
        if "epoch" not in event and event["step"]
    }
    best = (min if monitor in ("logloss", "ece", "validation_loss") else max)(values.values())
    assert values[report_of(folder)["step"]] == best
