"""The filter language of the runs."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptrec_tui.run_filter import FIELDS, run_filter


@dataclass(frozen=True)
class Row:
    id: str = "a1b2"
    name: str = "LoRA a"
    state: str = "running"
    stalled: bool = False
    reason: str = ""
    dataset: str = "films"
    template: str = "list"
    model: str = "tiny"
    task: str = "next_item"
    step: int = 120
    train_loss: float | None = 1.5
    best_metric: str = "ndcg@10"
    best_value: float | None = 0.12


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", True),
        ("lora", True),
        ("LORA tiny", True),
        ("lora films gone", False),
        ('"lora a"', True),
        ('"lora  a"', False),
        ("state:running", True),
        ("s:run", True),
        ("state:done", False),
        ("-state:done", True),
        ("-model:tiny", False),
        ("model:films", False),
        ('name:"lora a" task:next', True),
        ("id:a1", True),
        ("ndcg@10>0.1", True),
        ("ndcg@10>0.12", False),
        ("ndcg@10>=.12", True),
        ("ndcg@5>0", False),
        ("hr@10<1", False),
        ("best<0.2 loss>1 step=120", True),
        ("-best<0.2", False),
        ("best>", True),
        ("best>x", True),
        ("state:", True),
        ("-", True),
        ("what:ever", False),
    ],
)
def test_words_keep_what_has_them_all(text: str, kept: bool) -> None:
    assert run_filter(text)(Row()) is kept


def test_a_colon_of_a_name_is_no_field() -> None:
    assert run_filter("lr:1")(Row(name="lr:1e-3"))
    assert run_filter("a>b")(Row(name="a>b"))


def test_a_stalled_run_is_not_a_running_one() -> None:
    assert run_filter("state:stalled")(Row(stalled=True))
    assert not run_filter("state:running")(Row(stalled=True))


def test_a_value_that_is_not_there_never_compares() -> None:
    row = Row(best_value=None, train_loss=float("nan"))
    assert not any(run_filter(text)(row) for text in ("best>0", "best<=0", "loss<9", "loss>=0", "accuracy=0"))


@given(st.text())
def test_any_text_is_a_filter(text: str) -> None:
    assert run_filter(text)(Row()) in (True, False)


@given(st.text(alphabet=st.characters(exclude_characters='"', exclude_categories=("Z", "C")), min_size=1))
def test_each_field_keeps_its_own_value(value: str) -> None:
    for field in set(FIELDS) - {"state"}:
        row = replace(Row(), **{field: value})
        assert run_filter(f'{field}:"{value}"')(row)
        assert not run_filter(f'-{field}:"{value}"')(row)


@given(st.lists(st.sampled_from(["lora", "-tiny", "best>0.1", "s:done", "films"]), max_size=4))
def test_more_words_never_keep_more(words: list[str]) -> None:
    row = Row()
    for end in range(len(words)):
        fewer, more = run_filter(" ".join(words[:end])), run_filter(" ".join(words[: end + 1]))
        assert fewer(row) or not more(row)
