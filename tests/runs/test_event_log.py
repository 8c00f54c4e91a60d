import errno
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptrec_tui.runs import event_log as module
from promptrec_tui.runs.event_log import EventLog, finished_event, read_events
from promptrec_tui.runs.events import (
    AckEvent,
    CheckpointEvent,
    EvaluationEvent,
    FinishedEvent,
    MetricEvent,
    PhaseEvent,
    WarningEvent,
)
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.states import State

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_events_are_numbered_through_all_attempts(run):
    with EventLog(run, 1) as log:
        assert log.write(PhaseEvent(phase="loading", done=None)) == 1
        assert log.write(MetricEvent(step=1, values={"train_loss": 2.5})) == 2
    with EventLog(run, 2) as log:
        assert log.write(PhaseEvent(phase="training")) == 3
    events, offset = read_events(run.events, 0)
    assert [(event["seq"], event["attempt"], event["kind"]) for event in events] == [
        (1, 1, "phase"),
        (2, 1, "metric"),
        (3, 2, "phase"),
    ]
    assert offset == run.events.stat().st_size
    assert read_events(run.events, offset) == ([], offset)


def test_what_is_not_a_number_becomes_null(run):
    with EventLog(run, 1) as log:
        log.write(MetricEvent(step=1, values={"a": float("nan"), "b": float("-inf"), "c": 1.0}))
        log.write(EvaluationEvent("test", "tuned", 1, {}, protocol={"k": [float("inf"), 1.0]}))
    metric, evaluation = read_events(run.events, 0)[0]
    assert metric["values"] == {"a": None, "b": None, "c": 1.0}
    assert evaluation["protocol"] == {"k": [None, 1.0]}


@given(value=VALUES)
def test_any_value_stays_on_one_line_of_json(tmp_path_factory, value):
    run = RunFolder(tmp_path_factory.mktemp("run"))
    with EventLog(run, 1) as log:
        log.write(EvaluationEvent("test", "tuned", 1, {}, protocol={"value": value}))
    data = run.events.read_bytes()
    assert data.count(b"\n") == 1
    assert data.endswith(b"\n")
    json.loads(data, parse_constant=pytest.fail)


def test_a_lone_surrogate_does_not_end_the_run(run):
    with EventLog(run, 1) as log:
        log.write(WarningEvent(message="a\ud800b"))
    assert read_events(run.events, 0)[0][0]["message"] == "a?b"


def test_torn_at_every_byte(run):
    """A reader that saw the torn file and one that comes later agree, whatever the cut."""
    with EventLog(run, 1) as log:
        log.write(PhaseEvent(phase="loading"))
        log.write(WarningEvent(message="如果\n\\"))
    whole = run.events.read_bytes()
    first = whole.index(b"\n") + 1
    for cut in range(first, len(whole)):
        run.events.write_bytes(whole[:cut])
        seen, offset = read_events(run.events, 0)
        assert [event["seq"] for event in seen] == [1]
        assert offset == first
        with EventLog(run, 2) as log:
            log.write(PhaseEvent(phase="training"))
        later, _ = read_events(run.events, offset)
        kept = [2] if cut == len(whole) - 1 else []
        assert [event["seq"] for event in later] == [*kept, 2 + len(kept)]
        assert all(json.loads(line) for line in run.events.read_bytes().splitlines())


def test_a_damaged_line_costs_only_itself(run):
    with EventLog(run, 1) as log:
        log.write(PhaseEvent(phase="loading"))
    with open(run.events, "ab") as file:
        file.write(b'\0\0\0\n[1]\n"text"\n{"seq": "x", "attempt": 1, "kind": "phase"}\n{}\n')
    with EventLog(run, 1) as log:
        assert log.write(PhaseEvent(phase="training")) == 2
    assert [event["phase"] for event in read_events(run.events, 0)[0]] == ["loading", "training"]


def test_a_missing_or_shortened_log(run):
    assert read_events(run.events, 7) == ([], 7)
    with EventLog(run, 1) as log:
        log.write(PhaseEvent(phase="loading"))
    assert len(read_events(run.events, 10_000)[0]) == 1


def test_a_full_disk_leaves_no_torn_line(run, monkeypatch):
    real = os.write
    with EventLog(run, 1) as log:
        log.write(PhaseEvent(phase="loading"))
        before = run.events.read_bytes()
        monkeypatch.setattr(module.os, "write", lambda file, data: real(file, data[:10]))
        with pytest.raises(OSError, match="No space"):
            log.write(PhaseEvent(phase="training"))
        assert run.events.read_bytes() == before
        monkeypatch.undo()
        assert log.write(PhaseEvent(phase="training")) == 2


def test_a_durable_event_is_written_only_if_the_disk_confirms_it(run, monkeypatch):
    def fail(file: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with EventLog(run, 1) as log:
        monkeypatch.setattr(module.os, "fsync", fail)
        assert log.write(PhaseEvent(phase="training")) == 1
        with pytest.raises(OSError, match="Input/output"):
            log.write(CheckpointEvent(step=1, best=True))
        monkeypatch.undo()
        assert log.write(CheckpointEvent(step=1, best=True)) == 2
    assert [record["kind"] for record in read_events(run.events)[0]] == ["phase", "checkpoint"]


def test_the_finished_event_of_an_attempt(run):
    assert finished_event(run.events, 1) is None
    with EventLog(run, 1) as log:
        log.write(FinishedEvent(state=State.PAUSED, reason="asked", step=3))
        log.write(AckEvent(control=1, command="pause", result="ok"))
    with EventLog(run, 2) as log:
        log.write(WarningEvent(message="x" * 100_000))
    with open(run.events, "a") as file:
        file.write('{"seq": 4, "attempt": 2, "kind": "finished", "state": "flying", "step": 3}\n')
    assert finished_event(run.events, 2) is None
    with EventLog(run, 2) as log:
        log.write(FinishedEvent(state=State.DONE, reason="", step=9))
    assert finished_event(run.events, 2) == FinishedEvent(State.DONE, "", 9)
