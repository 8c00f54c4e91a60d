import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptrec_tui.errors import UserError
from promptrec_tui.runs.settings import (
    allowed_values,
    apply_settings,
    default_values,
    flat_settings,
    read_settings_toml,
    setting_keys,
)
from promptrec_tui.runs.spec import Settings
from promptrec_tui.runs.synonyms import KEYS, meant
from promptrec_tui.runs.tuning_settings import METHODS, LoraSettings


def test_defaults_are_those_of_the_plan():
    flat = flat_settings(Settings())
    lora = {f"tuning.{name}" for name in LoraSettings.model_fields}
    assert list(flat) == [key for key in setting_keys() if not key.startswith("tuning.") or key in lora]
    assert flat == {key: default_values()[key] for key in flat}
    assert flat["run.device"] == "auto"
    assert flat["train.batch_size"] == 128
    assert flat["train.monitor"] == "ndcg@10"
    assert flat["evaluation.baselines"] == ("popularity", "markov", "item_knn", "knn_markov")


def test_text_and_typed_values_are_the_same():
    text = apply_settings(
        Settings(),
        {
            "train.epochs": " 2 ",
            "train.learning_rate": "1e-4",
            "train.gradient_checkpointing": "true",
            "evaluation.baselines": "markov, popularity",
            "tuning.targets": "q_proj,v_proj",
        },
    )
    typed = apply_settings(
        Settings(),
        {
            "train.epochs": 2,
            "train.learning_rate": 0.0001,
            "train.gradient_checkpointing": True,
            "evaluation.baselines": ["markov", "popularity"],
            "tuning.targets": "q_proj,v_proj",
        },
    )
    assert text == typed
    assert text.evaluation.baselines == ("markov", "popularity")
    assert Settings().train.epochs == 3


@pytest.mark.parametrize(
    ("names", "key"),
    [
        (
            "lr train.lr tuning.lr LR learning-rate learnig_rate train.learning_rat rate",
            "train.learning_rate",
        ),
        ("bs batch train.batch per_device_train_batch_size train.bs", "train.batch_size"),
        ("epochs num_train_epochs train.num_epochs trian.epochs", "train.epochs"),
        ("steps train.steps max_steps train.max_step", "train.max_steps"),
        ("r rank lora_r train.r tuning.r LoRA-Rank", "tuning.rank"),
        ("alpha lora_alpha", "tuning.alpha"),
        ("dropout train.dropout lora_dropout", "tuning.dropout"),
        ("layers tuning.layer trainable_layers", "tuning.layers"),
        ("wd weight_decay train.wd", "train.weight_decay"),
        ("warmup warmup_ratio train.warmup_steps", "train.warmup"),
        ("precision dtype bf16 train.fp16", "train.precision"),
        ("seed random_seed", "train.seed"),
        ("device gpu train.device", "run.device"),
        ("k topk top_k train.k", "evaluation.k"),
        ("users train.users test_users", "evaluation.users"),
    ],
)
def test_the_usual_names_lead_to_the_right_key(names, key):
    for name in names.split():
        with pytest.raises(UserError, match="There is no setting") as caught:
            apply_settings(Settings(), {name: "1"})
        assert f"Did you mean '{key}'" in str(caught.value)


def test_every_synonym_is_of_a_key_that_there_is_and_no_key_is_a_synonym_of_another():
    assert set(KEYS) <= set(setting_keys())
    for key in setting_keys():
        assert meant(key) in (key, None), key


def test_an_unknown_word_gets_all_keys():
    with pytest.raises(UserError, match=r"The keys are: run\.device, .*evaluation\.baselines"):
        apply_settings(Settings(), {"train.zzz": "1"})


def test_baselines_may_be_none_at_all():
    assert apply_settings(Settings(), {"evaluation.baselines": ""}).evaluation.baselines == ()


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("train.learning_rat", "1", "Did you mean 'train.learning_rate'"),
        ("epochs", "1", "setting 'epochs'"),
        ("train.epochs", "0", "train.epochs cannot be '0': give a whole number, at least 1."),
        ("train.epochs", "two", "train.epochs cannot be 'two': give a whole number, at least 1."),
        ("train.learning_rate", "nan", "give a number, above 0"),
        ("train.optimizer", "lion", "give one of adamw, sgd, adafactor, rmsprop."),
        ("train.loss", "\x1b[2Jx", "cannot be '[2Jx': give one of target, token, catalogue."),
        ("train.temperature", "0", "give a number, above 0"),
        ("train.temperature", "2", "set that, or leave it at 1."),
        ("tuning.dropout", 1.0, "at least 0, below 1 (lora, rslora, dora, vera or oft)"),
        ("tuning.method", "freeze", f"'freeze': give one of {', '.join(METHODS)}."),
        ("tuning.method", ["full"], f"give one of {', '.join(METHODS)}."),
        (
            "tuning.layers",
            2,
            "is a setting of tuning.method=last_layers; tuning.method=lora has tuning.rank, tuning.alpha",
        ),
        ("run.device", "cuda:x", "auto, cpu, mps, cuda:N"),
        (
            "evaluation.baselines",
            "markov,magic",
            "'magic': give any of popularity, recent_popularity, markov, item_knn, knn_markov, ease, sasrec",
        ),
        ("evaluation.k", "20", "set train.monitor=ndcg@20, or evaluation.k=10"),
    ],
)
def test_what_is_not_allowed_is_named_with_what_is(key, value, words):
    with pytest.raises(UserError) as caught:
        apply_settings(Settings(), {key: value})
    assert words in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_a_method_brings_its_own_settings():
    full = apply_settings(apply_settings(Settings(), {"tuning.rank": 4}), {"tuning.method": " full "})
    assert [key for key in flat_settings(full) if key.startswith("tuning.")] == ["tuning.method"]
    with pytest.raises(
        UserError,
        match=r"of tuning\.method=lora, rslora, dora or vera; tuning\.method=full has no settings of its own",
    ):
        apply_settings(full, {"tuning.rank": 4})
    last = apply_settings(full, {"tuning.layers": "3", "tuning.method": "last_layers"})
    assert (last.tuning.method, last.tuning.layers) == ("last_layers", 3)
    with pytest.raises(UserError, match=r"tuning\.layers cannot be '0': give a whole number, at least 1"):
        apply_settings(last, {"tuning.layers": 0})
    assert apply_settings(last, {"tuning.method": "lora"}).tuning == Settings().tuning
    for settings in (full, last):
        assert Settings.model_validate_json(settings.model_dump_json()) == settings


def test_settings_without_a_method_are_of_lora():
    assert Settings.model_validate({"tuning": {"rank": 3}}).tuning == LoraSettings(rank=3)


def test_every_setting_can_say_what_it_may_be():
    for key in setting_keys():
        assert allowed_values(key)


@pytest.mark.parametrize("device", ["auto", "cpu", "mps", "cuda", "cuda:3", "GPU-8a56f5a1-0b2f"])
def test_devices(device):
    assert apply_settings(Settings(), {"run.device": device}).run.device == device


@given(
    st.fixed_dictionaries(
        {
            "train.epochs": st.integers(1, 10**6),
            "train.learning_rate": st.floats(1e-12, 1e3),
            "train.gradient_checkpointing": st.booleans(),
            "train.scheduler": st.sampled_from(["cosine", "linear", "constant"]),
        }
    )
)
def test_settings_survive_text_and_json(changes):
    settings = apply_settings(Settings(), {key: str(value) for key, value in changes.items()})
    assert changes.items() <= flat_settings(settings).items()
    assert apply_settings(Settings(), flat_settings(settings)) == settings
    assert Settings.model_validate_json(settings.model_dump_json()) == settings


def test_toml_is_flattened(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text('train.epochs = 1\n[evaluation]\nbaselines = ["markov"]\n')
    assert read_settings_toml(path) == {"train.epochs": 1, "evaluation.baselines": ["markov"]}


@pytest.mark.parametrize(
    ("content", "words"), [(b"[train\n", "line 1"), (b"\xff", "UTF-8"), (None, "Cannot read")]
)
def test_bad_toml_is_one_sentence(tmp_path, content, words):
    path = tmp_path / "settings.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=words):
        read_settings_toml(path)
