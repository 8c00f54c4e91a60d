"""What a run's events become in the catalogue: rows of its tables, and news of the run itself."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Row = dict[str, Any]


@dataclass
class Harvest:
    """`rows` by table name; `run`: the fields of the run's own row that changed."""

    rows: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    run: Row = field(default_factory=dict)


def gather(run_id: str, events: Iterable[Mapping[str, Any]], ndcg: float | None) -> Harvest:
    """The harvest of `events`, oldest first; `ndcg` is the best validation NDCG before them.

    Unknown kinds are passed over (a newer trainer may write them); an event that lacks what its kind must
    have becomes a warning of the run.
    """
    harvest = Harvest(run={"ndcg": ndcg})
    for event in events:
        key = {"run_id": run_id, "attempt": event["attempt"], "seq": event["seq"]}
        try:
            _take(harvest, key, event)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            message = (
                f"Event {event['seq']} ({event['kind']}) cannot be read: {type(error).__name__} {error}."
            )
            harvest.rows["warning"].append({**key, "message": message})
    return harvest


def _take(harvest: Harvest, key: Row, event: Mapping[str, Any]) -> None:
    rows, run = harvest.rows, harvest.run
    if "time" in event:
        run["updated"] = datetime.fromtimestamp(event["time"], UTC).isoformat(timespec="seconds")
    match event["kind"]:
        case "phase":
            run.update(phase=event["phase"], phase_done=event.get("done"), phase_total=event.get("total"))
        case "metric":
            step, values = (
                int(event["step"]),
                {name: _number(value) for name, value in event["values"].items()},
            )
            rows["metric"] += [
                {**key, "name": name, "step": step, "value": value} for name, value in values.items()
            ]
            if "total_steps" in event:
                run["total_steps"] = event["total_steps"]
            # A validation tells of a step too, but the untuned model's (step 0) may come last of all.
            if "train_loss" in values:
                run.update(step=step, train_loss=values["train_loss"])
            for name, value in values.items():
                if name.startswith("ndcg@") and value is not None:
                    run["ndcg"] = max(value, -math.inf if run["ndcg"] is None else run["ndcg"])
        case "preview":
            rows["preview"] += [
                {
                    **key,
                    "place": place,
                    "user": shown["user"],
                    "stage": event["stage"],
                    "step": int(event["step"]),
                    "history": list(shown["history"]),
                    "target": shown["target"],
                    "rank": _number(shown["rank"]),
                    "top": list(shown["top"]),
                }
                for place, shown in enumerate(event["users"])
            ]
        case "evaluation":
            rows["evaluation"].append(
                {
                    **key,
                    "stage": event["stage"],
                    "name": event["name"],
                    "step": int(event.get("step") or 0),
                    "users": int(event["users"]),
                    "metrics": dict(event["metrics"]),
                    "protocol": dict(event["protocol"]),
                }
            )
        case "checkpoint":
            if event["best"]:
                run["best_step"] = int(event["step"])
        case "warning":
            rows["warning"].append({**key, "message": str(event["message"])})


def _number(value: Any) -> float | None:
    """`value` as a float; None (a gap) where it is not a finite number."""
    return float(value) if value is not None and math.isfinite(value) else None
