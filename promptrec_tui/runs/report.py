"""`result/report.json` as its readers need it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from promptrec_tui.errors import UserError
from promptrec_tui.files import read_json
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.typed import Count, build, read

Figures = Mapping[str, float | None]


@dataclass(frozen=True)
class Interval:
    """A difference with its confidence interval; None where nothing was measured."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Named:
    """The name of a baseline."""

    name: str


@dataclass(frozen=True)
class Metrics:
    """The test metrics; empty or None where they were not measured."""

    before: Figures | None = None
    after: Figures | None = None
    blend: Figures | None = None
    baselines: Mapping[str, Figures] = field(default_factory=dict)
    references: Mapping[str, Figures] = field(default_factory=dict)
    """The untuned model under another score."""
    gain: Mapping[str, Mapping[str, Any]] | None = None

    def __post_init__(self) -> None:
        for differences in (self.gain or {}).values():
            for name, difference in differences.items():
                if name == "name":
                    build(Named, differences)
                else:
                    build(Interval, difference)


EMPTY = Metrics()


@dataclass(frozen=True)
class Calibration:
    """The temperature that makes probabilities of the tuned model's scores, and what is said of them."""

    temperature: float = 1.0
    sentence: str = ""


@dataclass(frozen=True)
class Noise:
    """What is said of scores that are nearer than the noise of their precision; "" for nothing."""

    sentence: str = ""


@dataclass(frozen=True)
class Report:
    """The parts that this program reads; the file has more."""

    metrics: Metrics = EMPTY
    protocol: Mapping[str, Any] | None = None
    preview_users: tuple[str, ...] = ()
    users: Count | None = None
    noise: Noise | None = None
    calibration: Calibration | None = None
    per_class: Mapping[str, Figures] | None = None
    """`precision recall f1 support` of each label."""
    confusion: tuple[tuple[Count, ...], ...] | None = None
    """Cases by label and answer, in the order of the labels in `per_class`."""
    adapter_sha256: str | None = None


@dataclass(frozen=True)
class Weights:
    """The parts of `result/blend.json` that people are shown: weights, and shares of the decision."""

    weights: Mapping[str, float]
    shares: Mapping[str, float]
    chosen: str


def read_report(folder: RunFolder) -> dict[str, Any]:
    """The report of a run as it was written; empty when there is none, or a part of it cannot be used."""
    try:
        value = read_json(folder.report)
        build(Report, value)
    except (OSError, ValueError):
        return {}
    return dict(value)


def written_temperature(folder: RunFolder) -> float:
    """The temperature of the probabilities of the run's result; 1 where none was fitted."""
    report = read(Report, folder.report)
    return report.calibration.temperature if report and report.calibration else 1.0


def written_adapter(folder: RunFolder) -> str | None:
    """The sha256 of the adapter that the run wrote; None in a report of an earlier promptrec.

    Raises UserError when the report is missing or damaged: nothing is known of the adapter then.
    """
    if report := read(Report, folder.report):
        return report.adapter_sha256
    raise UserError(
        f"{folder.report} is missing or damaged: take {folder.result} from a backup, or fork the run."
    )
