"""Turns the events of a run into rows of the catalogue's tables and values of the run's own row."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from promptrec_tui.clock import time_text
from promptrec_tui.runs.event_log import Stamp
from promptrec_tui.runs.events import (
    CheckpointEvent,
    EvaluationEvent,
    Event,
    FinishedEvent,
    Lead,
    MetricEvent,
    PhaseEvent,
    PreviewEvent,
    WarningEvent,
    from_record,
)
from promptrec_tui.store.phases import Rows, end_stretch, follow
from promptrec_tui.text import clean
from promptrec_tui.typed import build

Row = dict[str, Any]

LARGEST = 1e39
"""Above every number of single precision (3.4e38): larger values become gaps in a curve."""

LONGEST = 200
"""Characters of a warning's reason why an event does not fit."""


@dataclass
class EventRows:
    """`rows` by table name; `run`: the fields of the run's own row that changed."""

    rows: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    run: Row = field(default_factory=dict)


def gather(
    run_id: str,
    records: Iterable[Mapping[str, Any]],
    best: float | None,
    phases: Callable[[], Rows] = dict,
) -> EventRows:
    """The rows of `records`, oldest first; `best` is the leading metric's best value before them, `phases`
    gives the rows of the phases before them.

    Unknown kinds are passed over (a newer trainer may write them). A record whose fields do not fit its kind
    is left out; the run gets one warning for each such fault, however many records have it.
    """
    gathered = EventRows(run={"best_value": best})
    followed: Rows | None = None
    for record in records:
        key = {"run_id": run_id, "attempt": record["attempt"], "seq": record["seq"]}
        try:
            time = _note_time(gathered, record)
            if event := from_record(record):
                _take(gathered, key, event)
                if isinstance(event, PhaseEvent | FinishedEvent) and time is not None:
                    followed = phases() if followed is None else followed
                    if isinstance(event, PhaseEvent):
                        follow(followed, key, event, time)
                    else:
                        end_stretch(followed, record["attempt"], time)
                if isinstance(event, MetricEvent) and event.epoch is not None and time is not None:
                    moment = {**key, "step": event.step, "time": time, "epoch": event.epoch}
                    gathered.rows["moment"].append(moment)
        except ValueError as error:
            reason = clean(str(error))[:LONGEST]
            message = f"events.jsonl: a {record['kind']} event is left out, as it does not fit: {reason}."
            gathered.rows["warning"].append({**key, "message": message})
    if followed:
        gathered.rows["phase"] = list(followed.values())
    return gathered


def _note_time(gathered: EventRows, record: Mapping[str, Any]) -> float | None:
    """Note when the run last wrote something, and return that time in epoch seconds.

    Raises ValueError when the record's time is not a time.
    """
    if (time := build(Stamp, record).time) is not None:
        gathered.run["updated"] = time_text(time)
    return time


def _take(gathered: EventRows, key: Row, event: Event) -> None:
    """Add what one event changes."""
    rows, run = gathered.rows, gathered.run
    match event:
        case PhaseEvent():
            run.update(phase=event.phase, phase_done=event.done, phase_total=event.total)
        case MetricEvent(step=step):
            values = {name: _plotted(value) for name, value in event.values.items()}
            rows["metric"] += [
                {**key, "name": name, "step": step, "value": value} for name, value in values.items()
            ]
            if event.total_steps is not None:
                run["total_steps"] = event.total_steps
            # A validation has a step too, but that of the untuned model (step 0) may come last.
            if "train_loss" in values:
                run.update(step=step, train_loss=values["train_loss"])
            # Step 0 is the untuned model: not a result of this run.
            if (lead := event.lead or _lead_of_old(values)) and step > 0:
                run["best_metric"] = lead.name
                reached = [value for value in (values.get(lead.name), run["best_value"]) if value is not None]
                best = max if lead.higher_is_better else min
                run["best_value"] = best(reached, default=None)
        case PreviewEvent():
            rows["preview"] += [
                {
                    **key,
                    "place": place,
                    "user": shown.user,
                    "stage": event.stage,
                    "step": event.step,
                    "history": list(shown.history),
                    "target": shown.target,
                    "rank": shown.rank,
                    "top": [asdict(item) for item in shown.top],
                }
                for place, shown in enumerate(event.users)
            ]
        case EvaluationEvent():
            rows["evaluation"].append(
                {
                    **key,
                    "stage": event.stage,
                    "name": event.name,
                    "step": event.step or 0,
                    "users": event.users,
                    "metrics": event.metrics,
                    "protocol": event.protocol,
                }
            )
        case CheckpointEvent(step=step):
            rows["checkpoint"].append({**key, "step": step})
            if event.best:
                run["best_step"] = step
        case FinishedEvent(step=step) if step:
            # Losses are written once a second, so an early end may come after the last one.
            run["step"] = step
        case WarningEvent(message=message):
            rows["warning"].append({**key, "message": message})


def _lead_of_old(values: Mapping[str, float | None]) -> Lead | None:
    """The leading metric of a validation written by versions that knew one task only."""
    return next((Lead(name) for name in values if name.startswith("ndcg@")), None)


def _plotted(value: float | None) -> float | None:
    """A value of a curve; None (a gap) where single precision has no such number: sums stay finite."""
    return value if value is not None and abs(value) <= LARGEST else None
