"""What a run's events become in the catalogue: rows of its tables, and news of the run itself."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from promptrec_tui.runs.events import (
    KINDS,
    CheckpointEvent,
    EvaluationEvent,
    FinishedEvent,
    Lead,
    MetricEvent,
    PhaseEvent,
    PreviewEvent,
    Stamp,
    WarningEvent,
)
from promptrec_tui.text import clean
from promptrec_tui.typed import build

Row = dict[str, Any]

LARGEST = 1e39
"""Above every number of single precision (3.4e38)."""

LONGEST = 200
"""Characters of what is told about an event that does not fit."""


@dataclass
class EventRows:
    """`rows` by table name; `run`: the fields of the run's own row that changed."""

    rows: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    run: Row = field(default_factory=dict)


def gather(run_id: str, events: Iterable[Mapping[str, Any]], best: float | None) -> EventRows:
    """The rows of `events`, oldest first; `best` is the leading metric's best on validation before them.

    Unknown kinds are passed over (a newer trainer may write them). An event whose fields are not those of its
    kind is left out; the run is warned of each such fault once, however many events have it.
    """
    gathered = EventRows(run={"best_value": best})
    for event in events:
        key = {"run_id": run_id, "attempt": event["attempt"], "seq": event["seq"]}
        try:
            _note_time(gathered, event)
            if kind := KINDS.get(event["kind"]):
                _take(gathered, key, build(kind, event))
        except ValueError as error:
            what = clean(str(error))[:LONGEST]
            message = f"events.jsonl: a {event['kind']} event is left out, as it does not fit: {what}."
            gathered.rows["warning"].append({**key, "message": message})
    return gathered


def _note_time(gathered: EventRows, event: Mapping[str, Any]) -> None:
    """Note when the run last said something. Raises ValueError where the event's time is none."""
    if (time := build(Stamp, event).time) is not None:
        gathered.run["updated"] = datetime.fromtimestamp(time, UTC).isoformat(timespec="seconds")


def _take(gathered: EventRows, key: Row, event: Any) -> None:
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
            # A validation tells of a step too, but the untuned model's (step 0) may come last of all.
            if "train_loss" in values:
                run.update(step=step, train_loss=values["train_loss"])
            # Step 0 is the untuned model, which is not what the run has reached.
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
        case CheckpointEvent(best=True, step=step):
            run["best_step"] = step
        case FinishedEvent(step=step) if step:
            # Losses are told once a second, and an early end comes between two of them.
            run["step"] = step
        case WarningEvent(message=message):
            rows["warning"].append({**key, "message": message})


def _lead_of_old(values: Mapping[str, float | None]) -> Lead | None:
    """The leading metric of a validation that was told when there was one task only."""
    return next((Lead(name) for name in values if name.startswith("ndcg@")), None)


def _plotted(value: float | None) -> float | None:
    """A value of a curve; None (a gap) where single precision has no such number, so that sums are finite."""
    return value if value is not None and abs(value) <= LARGEST else None
