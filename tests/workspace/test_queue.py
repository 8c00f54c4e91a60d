"""What a person does with the queue, on run folders as they are made."""

import random

import pytest

from promptrec_tui.errors import UserError
from promptrec_tui.files import write_json
from promptrec_tui.runs.devices import slot_path
from promptrec_tui.runs.folder import create_run
from promptrec_tui.runs.liveness import take_lock
from promptrec_tui.runs.queue import asked_entry, claim, enqueue, queue_entry, queued
from promptrec_tui.runs.spec import DatasetRef, ModelRef, RunSpec, Settings, TemplateRef
from promptrec_tui.store.runs import QueuePlace
from promptrec_tui.workspace import queue
from promptrec_tui.workspace.opening import opened
from promptrec_tui.workspace.queue import (
    hold_run,
    move_run,
    release_run,
    set_after_failure,
    set_priority,
)
from promptrec_tui.workspace.runs import find_run, list_runs, refresh

TEMPLATE = TemplateRef(
    id="t",
    name="list",
    version=1,
    task="next_item",
    language="en",
    prompt="p",
    completion="{{ item.title }}",
    end_token=None,
    sha256="1" * 64,
)


def spec_of(name):
    return RunSpec(
        id=name,
        name=f"run {name}",
        created="2026-11-24T03:45:00+00:00",
        task="next_item",
        dataset=DatasetRef(id="d", name="films", file="datasets/d.sqlite", sha256="0" * 64),
        template=TEMPLATE,
        model=ModelRef(id="m", name="tiny", folder="/m", sha256="2" * 64, family="qwen", model_type="qwen3"),
        settings=Settings(),
        versions={},
        machine={},
    )


@pytest.fixture
def here(home, monkeypatch):
    """A workspace in which a, b, c, d wait in this order and nothing starts them."""
    monkeypatch.setattr(queue, "spawn_dispatch", lambda home: None)
    for name in "abcd":
        enqueue(create_run(home, spec_of(name)), device="cpu")
    with opened(home) as workspace:
        refresh(workspace)
        yield workspace


def order(workspace):
    return "".join(entry.folder.id for entry in queued(workspace.home))


def folder(workspace, name):
    return next(entry.folder for entry in queued(workspace.home) if entry.folder.id == name)


def start(workspace, name):
    run = folder(workspace, name)
    slot = take_lock(slot_path(workspace.home, "cpu"))
    assert claim(run, [slot]) == 1
    slot.release()
    return run


@pytest.mark.parametrize(
    ("name", "where", "after"),
    [
        ("c", "up", "acbd"),
        ("c", "down", "abdc"),
        ("d", "top", "dabc"),
        ("a", "up", "abcd"),
        ("d", "down", "abcd"),
        ("a", "top", "abcd"),
    ],
)
def test_a_run_moves_where_it_is_told(here, name, where, after):
    row = move_run(here, name, where)
    assert order(here) == after
    assert row.queue.place == after.index(name) + 1


def test_a_run_that_moves_takes_the_priority_of_the_one_it_passes(here):
    set_priority(here, "b", 5)
    assert order(here) == "bacd"
    assert move_run(here, "c", "top").queue.priority == 5
    assert order(here) == "cbad"
    assert move_run(here, "b", "down").queue.priority == 0
    assert order(here) == "cabd"


def test_moves_of_all_kinds_do_what_a_list_would(here):
    chance, names = random.Random(5), list("abcd")
    for _ in range(150):
        name, where = chance.choice(names), chance.choice(["up", "down", "top"])
        place = names.index(name)
        names.remove(name)
        names.insert({"up": max(place - 1, 0), "down": place + 1, "top": 0}[where], name)
        move_run(here, name, where)
        assert order(here) == "".join(names)


def test_there_is_always_room_between_two(here):
    """Halving the way between two numbers ends after 52 times."""
    for turn in range(70):
        move_run(here, order(here)[2], "up")
        assert order(here) == ("acbd" if turn % 2 == 0 else "abcd")


def test_held_runs_are_released(here):
    assert hold_run(here, "run b").queue == QueuePlace(2, True, 0, True)
    assert find_run(here, "b").reason == "held"
    assert not release_run(here, "b").queue.held
    assert find_run(here, "b").reason == ""


def test_a_failed_run_that_holds_the_queue_is_released(here):
    assert not set_after_failure(here, "a", False).queue.continue_after_failure
    run = start(here, "a")
    write_json(run.attempt(1).exit, {"state": "failed", "reason": "broke"})
    refresh(here)
    assert release_run(here, "a").state == "failed"
    assert asked_entry(run).continue_after_failure
    with pytest.raises(UserError, match="'run a' is failed: only a run that waits"):
        release_run(here, "a")


def test_what_a_failure_means_may_be_said_while_the_run_goes(here):
    run = start(here, "a")
    set_after_failure(here, "a", False)
    assert not asked_entry(run).continue_after_failure


@pytest.mark.parametrize(
    "act", [lambda w: move_run(w, "a", "down"), lambda w: hold_run(w, "a"), lambda w: set_priority(w, "a", 1)]
)
def test_a_run_that_is_claimed_at_this_moment_is_told_in_a_sentence(here, act):
    start(here, "a")
    with pytest.raises(UserError, match=r"Run 'run a' is starting: only a run that waits"):
        act(here)


def test_the_list_has_the_places_of_those_that_wait(here):
    move_run(here, "d", "top")
    start(here, "a")
    refresh(here)
    places = {row.id: row.queue and row.queue.place for row in list_runs(here)}
    assert places == {"d": 1, "b": 2, "c": 3, "a": None}
    assert queue_entry(folder(here, "d")).attempt == 1
