import pytest

from promptrec_tui.errors import UserError
from promptrec_tui.tasks.defaults import default_settings


def test_steps_shrink_with_size() -> None:
    sizes = (2_500_000, 60_000_000, 600_000_000, 8_000_000_000)
    found = [default_settings("next_item", "causal", "lora", size) for size in sizes]
    assert [settings["train.learning_rate"] for settings in found] == [3e-3, 1e-3, 2e-4, 1e-4]
    assert [settings.get("train.gradient_checkpointing", False) for settings in found] == [False] * 3 + [True]


def test_the_caller_may_change_what_it_gets() -> None:
    default_settings("next_item", "causal", "lora", 1)["train.learning_rate"] = 9
    assert default_settings("next_item", "causal", "lora", 1)["train.learning_rate"] == 3e-3


@pytest.mark.parametrize(
    "wrong", [("rank", "causal", "lora"), ("next_item", "seq2seq", "lora"), ("next_item", "causal", "x")]
)
def test_an_unknown_combination_names_the_known_ones(wrong: tuple[str, str, str]) -> None:
    with pytest.raises(UserError, match="next_item / causal / lora"):
        default_settings(*wrong, 1)
