"""The filter language of the runs."""

import time
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptrec_tui.clock import time_text
from promptrec_tui.run_fields import NEWEST_FIRST, TEXTS, Sort, arranged
from promptrec_tui.run_filter import asks_for_archived, completions, run_filter


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
    method: str = "lora"
    tags: tuple[str, ...] = ("big", "Cold-start")
    note: str = "second try"
    pinned: bool = False
    archived: bool = False
    created: str = field(default_factory=lambda: time_text(time.time() - 3 * 86_400))
    step: int = 120
    total_steps: int | None = 240
    train_loss: float | None = 1.5
    best_metric: str = "ndcg@10"
    best_value: float | None = 0.12
    test_value: float | None = 0.1
    learning_rate: float | None = 1e-3
    seed: int | None = 7


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
        ("tag:big", True),
        ("tags:cold -tag:new", True),
        ("-tag:big", False),
        ("try", True),
        ("note:second method:lora", True),
        ("test<0.2 rate=1e-3 seed=7 progress=0.5", True),
        ("test>0.1", False),
        ("age<4d age>2", True),
        ("age<2d", False),
        ("age<70h", False),
        ("age<x", True),
        ("pinned", False),
        ("-pinned", True),
        ("archived", False),
        ("-archived", True),
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
    for each in set(TEXTS) - {"state"}:
        row = replace(Row(), **{each: (value,) if each == "tags" else value})
        assert run_filter(f'{each}:"{value}"')(row)
        assert not run_filter(f'-{each}:"{value}"')(row)


@given(st.lists(st.sampled_from(["lora", "-tiny", "best>0.1", "s:done", "films"]), max_size=4))
def test_more_words_never_keep_more(words: list[str]) -> None:
    row = Row()
    for end in range(len(words)):
        fewer, more = run_filter(" ".join(words[:end])), run_filter(" ".join(words[: end + 1]))
        assert fewer(row) or not more(row)


def test_archived_runs_are_left_out_until_a_word_asks_about_them() -> None:
    row = Row(archived=True, pinned=True)
    kept = {text: run_filter(text)(row) for text in ("", "lora", "pinned", "archived", "ARCHIVED lora")}
    assert kept == {"": False, "lora": False, "pinned": False, "archived": True, "ARCHIVED lora": True}
    assert not run_filter("-archived")(row)
    assert run_filter("-archived")(Row())
    assert not asks_for_archived('name:archived "archived"')


def test_the_last_word_is_completed_by_fields_and_their_values() -> None:
    runs = [Row(), Row(name="b", state="done", tags=("big", "small"))]
    assert completions("st", runs) == ["state:", "step>"]
    assert completions("lora -sta", runs) == ["-state:"]
    assert completions("state:", runs) == ["state:done", "state:running"]
    assert completions("tag:s", runs) == ["tag:small"]
    assert completions("name:", runs) == ['name:"LoRA a"', "name:b"]
    assert completions("nd", runs) == ["ndcg@10>"]
    assert completions("pin", runs) == ["pinned"]
    for nothing in ("", "lora ", 'name:"lo', "name:b", "zzz:", "age<7d"):
        assert completions(nothing, runs) == []


@given(st.text(max_size=20))
def test_any_text_can_be_completed(text: str) -> None:
    assert all(isinstance(each, str) for each in completions(text, [Row()]))


def test_an_order_keeps_pinned_runs_first_and_those_without_a_value_last() -> None:
    rows = [
        Row(id="a", test_value=0.2),
        Row(id="b", test_value=None),
        Row(id="c", test_value=float("nan"), pinned=True),
        Row(id="d", test_value=0.3),
        Row(id="e", test_value=0.1, pinned=True),
    ]

    def ids(sort: Sort) -> str:
        return "".join(row.id for row in arranged(rows, sort))

    assert ids(NEWEST_FIRST) == "ceabd"
    assert ids(Sort("test")) == "ecadb"
    assert ids(Sort("test", largest_first=True)) == "ecdab"
    assert ids(Sort("name")) == ids(Sort("of next year")) == ids(NEWEST_FIRST), "what is equal stays in order"
