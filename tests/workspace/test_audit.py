"""The audit counts what is there: against a count of every row by hand."""

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptrec_tui.errors import UserError
from promptrec_tui.home import Home
from promptrec_tui.prompts.template import Template
from promptrec_tui.workspace.audit import audit_template, histogram, merged_size
from promptrec_tui.workspace.datasets import ImportOptions, import_source
from promptrec_tui.workspace.opening import Workspace, opened
from promptrec_tui.workspace.rendering import neighbour, render_draft, render_template
from promptrec_tui.workspace.templates import as_template, find_template, save_edited

IDS = st.lists(st.integers(0, 2), max_size=6).map(tuple)


@pytest.fixture
def workspace(home: Home, shop: Path, tmp_path: Path) -> Iterator[Workspace]:
    with opened(home) as workspace:
        options = ImportOptions(format="csv", items=shop / "items.csv")
        import_source(workspace, shop / "events.csv", "shop", options)
        texts = tmp_path / "texts"
        texts.mkdir()
        for split, rows in (("train", 12), ("test", 4)):
            with open(texts / f"{split}.csv", "w", newline="") as file:
                out = csv.writer(file)
                out.writerow(("text", "category"))
                out.writerows((f"{split} {row}", ("card_lost", "card_late")[row % 2]) for row in range(rows))
        import_source(workspace, texts, "texts", ImportOptions(format="labelled"))
        yield workspace


def silent(phase: str, done: int, total: int) -> None:
    pass


def test_rows_of_histories_are_all_counted(workspace: Workspace) -> None:
    calls: Counter[str] = Counter()

    def tell(phase: str, done: int, total: int) -> None:
        assert 0 < done <= total
        calls[phase] += 1

    audit = audit_template(workspace, "shop", "list", "tiny", 0, tell)
    events = list(csv.DictReader((workspace.home.root.parent / "shop" / "events.csv").open()))
    users = Counter(event["user_id"] for event in events)
    assert audit.rows == sum(count - 2 for count in users.values())
    assert (audit.refused, audit.losing_history, audit.chat) == (0, 0, False)
    assert audit.answers == 24
    assert sum(rows for _, rows in audit.histogram) == audit.rows
    assert audit.sharing > 2
    assert calls == {"titles": 24, "rows": 30}
    last = render_template(workspace, "shop", "list", "u00", "tiny")
    assert audit.longest >= len(last.prompt_token_ids) + len(last.completion_token_ids)
    some = audit_template(workspace, "shop", "list", "tiny", 5, silent)
    assert 0 < some.rows < audit.rows
    assert some == audit_template(workspace, "shop", "list", "tiny", 5, silent)


def test_answers_that_cannot_be_given_are_refused_rows(workspace: Workspace) -> None:
    code = "{% if item.title != 'Thing A 0' %}{{ item.title }}{% endif %}"
    save_edited(workspace, Template("holes", "next_item", "en", "{{ history[-1].title }}", code), "")
    audit = audit_template(workspace, "shop", "holes", "tiny", 0, silent)
    assert audit.answers == 23
    assert 0 < audit.refused < audit.rows
    assert "is empty for the item 'Thing A 0'" in audit.reasons[0]


def test_labelled_texts(workspace: Workspace) -> None:
    audit = audit_template(workspace, "texts", "intent-en", "tiny", 0, silent)
    assert (audit.rows, audit.answers, audit.refused) == (16, 2, 0)
    [group] = audit.collisions
    assert sorted(group.examples) == ["card_late", "card_lost"]
    with pytest.raises(UserError, match="no row for the task next_item"):
        audit_template(workspace, "texts", "list", "tiny", 0, silent)
    with pytest.raises(UserError, match="no labelled training example"):
        audit_template(workspace, "shop", "intent-en", "tiny", 0, silent)


def test_shots_are_of_the_training_split_and_always_the_same(workspace: Workspace) -> None:
    first = render_template(workspace, "texts", "intent-few-shot-en", "13", "tiny")
    assert first.prompt.endswith("Customer: test 1\nWants:") or "Customer: train" in first.prompt
    shots = first.prompt.split("\n\n")[:-1]
    assert len(shots) == 8
    assert all(shot.startswith("Customer: train ") for shot in shots)
    assert Counter(shot.splitlines()[1] for shot in shots) == {"Wants: card lost": 4, "Wants: card late": 4}
    again = render_template(workspace, "texts", "intent-few-shot-en", "12", "tiny")
    assert again.prompt.split("\n\n")[:-1] == shots


def test_a_draft_is_rendered_as_it_will_be(workspace: Workspace) -> None:
    for dataset, name, user in (("shop", "next-item-en", "u03"), ("texts", "intent-few-shot-en", "3")):
        template = as_template(find_template(workspace, name))
        draft = render_draft(workspace, dataset, template, user, "tiny")
        assert draft == render_template(workspace, dataset, name, user, "tiny")


def test_no_rendering_shows_a_test_target(workspace: Workspace) -> None:
    events: dict[str, list[str]] = {}
    with (workspace.home.root.parent / "shop" / "events.csv").open() as file:
        for event in csv.DictReader(file):
            events.setdefault(event["user_id"], []).append(event["item_id"])
    with (workspace.home.root.parent / "shop" / "items.csv").open() as file:
        titles = {item["item_id"]: item["title"] for item in csv.DictReader(file)}
    template = as_template(find_template(workspace, "list"))
    for user, items in events.items():
        for shown in (
            render_draft(workspace, "shop", template, user, "tiny"),
            render_template(workspace, "shop", "list", user, "tiny"),
        ):
            assert shown.completion.strip() == titles[items[-2]]
            assert titles[items[-1]] not in shown.prompt
    template = as_template(find_template(workspace, "intent-en"))
    assert "train 0" in render_draft(workspace, "texts", template, None, "tiny").prompt
    seen: list[str] = []
    row = neighbour(workspace, "texts", "classify", None, 1)
    while row is not None:
        seen.append(render_draft(workspace, "texts", template, row, "tiny").prompt)
        row = neighbour(workspace, "texts", "classify", row, 1)
    assert len(seen) == 12
    assert not any("test " in prompt for prompt in seen)


def test_the_next_row(workspace: Workspace) -> None:
    assert neighbour(workspace, "shop", "next_item", None, 1) == "u00"
    assert neighbour(workspace, "shop", "next_item", "u00", 1) == "u01"
    assert neighbour(workspace, "shop", "next_item", "u29", 1) is None
    assert neighbour(workspace, "texts", "classify", "3", -1) == "2"
    assert neighbour(workspace, "texts", "classify", "15", 1) is None


@settings(deadline=None)
@given(st.lists(IDS, max_size=8))
def test_merged_size_counts_every_beginning_once(sequences: list[tuple[int, ...]]) -> None:
    beginnings = {sequence[:length] for sequence in sequences for length in range(1, len(sequence) + 1)}
    assert merged_size(sequences) == len(beginnings)


@settings(deadline=None)
@given(st.dictionaries(st.integers(1, 5000), st.integers(1, 9), min_size=1), st.integers(1, 6000))
def test_the_histogram_has_every_row_and_a_step_at_the_context(lengths: dict[int, int], context: int) -> None:
    steps = histogram(Counter(lengths), context)
    assert sum(rows for _, rows in steps) == sum(lengths.values())
    bounds = [bound for bound, _ in steps]
    assert bounds == sorted(set(bounds))
    assert bounds[-1] >= max(lengths)
    assert context in bounds or max(lengths) <= context
