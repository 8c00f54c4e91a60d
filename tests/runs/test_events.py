import json

import pytest

from promptrec_tui.runs.event_log import EventLog, read_events
from promptrec_tui.runs.events import (
    KINDS,
    AckEvent,
    CheckpointEvent,
    ComputingEvent,
    EvaluationEvent,
    FinishedEvent,
    Lead,
    MetricEvent,
    PhaseEvent,
    PreviewEvent,
    PreviewUser,
    Shown,
    WarningEvent,
    from_record,
    typed,
)
from promptrec_tui.runs.states import State

PINNED = PreviewUser("u1", ("A", "B"), "C", None, (Shown("c", "C", -0.5), Shown("d", "D")))

WRITTEN = [
    (PhaseEvent("loading"), {"phase": "loading", "done": None, "total": None, "message": ""}),
    (PhaseEvent("training", 1, 9, "x"), {"phase": "training", "done": 1, "total": 9, "message": "x"}),
    (
        PhaseEvent("testing", 1, 9, "x", "tuned_test"),
        {"phase": "testing", "done": 1, "total": 9, "message": "x", "part": "tuned_test"},
    ),
    (
        MetricEvent(1, {"train_loss": 2.5}, total_steps=9, epoch=0.5),
        {"step": 1, "values": {"train_loss": 2.5}, "total_steps": 9, "epoch": 0.5},
    ),
    (
        MetricEvent(9, {"logloss": 0.5}, Lead("logloss", higher_is_better=False)),
        {"step": 9, "values": {"logloss": 0.5}, "lead": {"name": "logloss", "higher_is_better": False}},
    ),
    (
        PreviewEvent(0, "before", (PINNED,)),
        {
            "step": 0,
            "stage": "before",
            "users": [
                {
                    "user": "u1",
                    "history": ["A", "B"],
                    "target": "C",
                    "rank": None,
                    "top": [
                        {"key": "c", "title": "C", "logprob": -0.5, "probability": None},
                        {"key": "d", "title": "D", "logprob": None, "probability": None},
                    ],
                }
            ],
        },
    ),
    (
        EvaluationEvent("test", "tuned", 5, {"mrr": 0.5}, {"k": 10}, 9),
        {
            "stage": "test",
            "name": "tuned",
            "users": 5,
            "metrics": {"mrr": 0.5},
            "protocol": {"k": 10},
            "step": 9,
        },
    ),
    (
        ComputingEvent("the CPU", "fp32", "sdpa"),
        {"device": "the CPU", "precision": "fp32", "attention": "sdpa"},
    ),
    (
        CheckpointEvent(9, best=False, folder="checkpoint-9"),
        {"step": 9, "best": False, "folder": "checkpoint-9", "value": None},
    ),
    (WarningEvent("careful"), {"message": "careful"}),
    (AckEvent(3, "pause", "paused"), {"control": 3, "command": "pause", "result": "paused"}),
    (FinishedEvent(State.DONE, "", 9), {"state": "done", "reason": "", "step": 9}),
    (
        FinishedEvent(State.FAILED, "no memory", 3, {"train.accumulate": 4}),
        {"state": "failed", "reason": "no memory", "step": 3, "remedy": {"train.accumulate": 4}},
    ),
]
"""Events, and the fields that their records have had since version 1: scripts read them."""


@pytest.mark.parametrize(("event", "record"), WRITTEN, ids=lambda value: getattr(value, "kind", ""))
def test_an_event_is_written_with_the_fields_of_its_kind_and_read_again(run, event, record):
    with EventLog(run, 1) as log:
        log.write(event)
    (line,) = run.events.read_text().splitlines()
    envelope = {"seq": 1, "attempt": 1, "time": json.loads(line)["time"], "kind": event.kind}
    assert json.loads(line) == {**envelope, **record}
    assert from_record(json.loads(line)) == event


def test_every_kind_is_among_the_written_ones():
    assert {event.kind for event, _ in WRITTEN} == set(KINDS)
    assert all(KINDS[event.kind] is type(event) for event, _ in WRITTEN)


def test_unknown_kinds_and_fields_stay_in_the_log_and_stop_no_reader(run):
    news = {"seq": 1, "attempt": 1, "kind": "rain", "drops": 7}
    warning = {"seq": 2, "attempt": 1, "kind": "warning", "message": "careful", "loud": True}
    run.events.write_text("".join(json.dumps(record) + "\n" for record in (news, warning)))
    with EventLog(run, 2) as log:
        assert log.write(PhaseEvent("loading")) == 3
    records, _ = read_events(run.events)
    assert records[:2] == [news, warning]
    assert [typed(record) for record in records] == [None, WarningEvent("careful"), PhaseEvent("loading")]


@pytest.mark.parametrize(
    ("record", "trouble"),
    [
        ({"kind": "metric", "values": {}}, "step is missing"),
        ({"kind": "metric", "step": -1, "values": {}}, "step is -1"),
        ({"kind": "ack", "control": [1]}, "control is a list"),
        ({"kind": "finished", "state": "flying"}, "state is 'flying'"),
        ({"kind": "finished", "state": "interrupted"}, "state is interrupted, in which no trainer ends"),
    ],
)
def test_fields_that_do_not_fit(record, trouble):
    assert typed(record) is None
    with pytest.raises(ValueError, match=trouble.replace("[", r"\[")):
        from_record(record)
