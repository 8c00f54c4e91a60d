import pytest

from promptrec_tui.errors import UserError
from promptrec_tui.runs.settings import setting_keys
from promptrec_tui.tasks.defaults import (
    FACTS,
    SCALES,
    UNUSED,
    check_monitor,
    check_settings,
    default_settings,
    uses,
)


def test_steps_shrink_with_size() -> None:
    sizes = (2_500_000, 60_000_000, 600_000_000, 8_000_000_000)
    defaults = [default_settings("next_item", "causal", "lora", size) for size in sizes]
    assert [settings["train.learning_rate"] for settings in defaults] == [3e-3, 1e-3, 2e-4, 1e-4]
    assert [settings.get("train.gradient_checkpointing", False) for settings in defaults] == [False] * 3 + [
        True
    ]


def test_the_caller_may_change_what_it_gets() -> None:
    default_settings("next_item", "causal", "lora", 1)["train.learning_rate"] = 9
    assert default_settings("next_item", "causal", "lora", 1)["train.learning_rate"] == 3e-3


@pytest.mark.parametrize("wrong", [("rank", "causal"), ("next_item", "seq2seq")])
def test_an_unknown_combination_names_the_known_ones(wrong: tuple[str, str]) -> None:
    with pytest.raises(UserError, match="next_item / causal"):
        default_settings(*wrong, "lora", 1)


@pytest.mark.parametrize("method", ["full", "last_layers"])
def test_the_weights_themselves_take_small_steps_in_fp32(method: str) -> None:
    lora, own = (default_settings("next_item", "causal", each, 8_000_000_000) for each in ("lora", method))
    assert own["train.learning_rate"] == pytest.approx(lora["train.learning_rate"] / 10)
    assert own["train.precision"] == "fp32"
    assert "tuning.rank" in lora
    assert "tuning.rank" not in own


@pytest.mark.parametrize(
    ("task", "monitor", "taken"),
    [
        ("next_item", "mrr", True),
        ("next_item", "ndcg@5", True),
        ("next_item", "accuracy", False),
        ("classify", "macro_f1", True),
        ("classify", "validation_loss", True),
        ("classify", "ndcg@10", False),
        ("next_item", "ndcg", False),
        ("classify", "accuracy@10", False),
    ],
)
def test_only_what_a_task_measures_can_be_watched(task: str, monitor: str, taken: bool) -> None:
    if taken:
        check_monitor(task, monitor)
    else:
        with pytest.raises(UserError, match=f"not measured by the task {task}"):
            check_monitor(task, monitor)


def test_a_setting_that_the_task_does_not_use_is_refused_by_the_name_of_the_one_that_does() -> None:
    check_settings("next_item", "causal", set(setting_keys()) - {"train.class_weights"})
    check_settings("classify", "causal", ["train.epochs", "evaluation.users", "evaluation.score"])
    for key in ("data.max_history", "evaluation.k", "evaluation.seen", "evaluation.baselines"):
        with pytest.raises(UserError, match=f"{key} is a setting of the task next_item; classify does not"):
            check_settings("classify", "causal", ["train.epochs", key])


@pytest.mark.parametrize("key", ["train.loss", "train.temperature", "evaluation.score"])
def test_a_setting_that_means_nothing_with_a_family_of_models_is_refused(key: str) -> None:
    check_settings("classify", "causal", [key])
    check_settings("classify", "encoder", ["train.epochs", "train.learning_rate", "evaluation.users"])
    with pytest.raises(UserError, match=f"{key} is a setting of .* the family causal; .* encoder it is not"):
        check_settings("classify", "encoder", ["train.epochs", key])


@pytest.mark.parametrize("task", FACTS)
def test_the_defaults_and_the_table_of_a_task_name_settings_that_there_are(task: str) -> None:
    keys = setting_keys()
    for name in FACTS[task].unused:
        assert any(key.startswith(name) if name.endswith(".") else key == name for key in keys), name
    for other, family in SCALES:
        if other == task:
            assert set(UNUSED.get((task, family), ())) <= set(keys)
            used = {key for key in keys if uses(task, key, family)}
            assert default_settings(task, family, "lora", 10).keys() <= used


def test_all_weights_of_a_small_recommender_are_trained_at_the_rate_of_lora() -> None:
    lora, full = (default_settings("next_item", "causal", each, 2_500_000) for each in ("lora", "full"))
    assert full["train.learning_rate"] == lora["train.learning_rate"] == 3e-3
    assert full["train.precision"] == "fp32"
    assert default_settings("next_item", "causal", "last_layers", 2_500_000)["train.learning_rate"] == 3e-4
    assert default_settings("classify", "causal", "full", 2_500_000)["train.learning_rate"] == 1e-4
