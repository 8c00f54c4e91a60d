"""Tables as Markdown and CSV, and the folder that exports are written to. Pure but for `write_export`."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promptrec_tui.errors import UserError
from promptrec_tui.home import Home
from promptrec_tui.text import clean

if TYPE_CHECKING:
    from promptrec_tui.workspace.comparison import Comparison, Gains, Pair
    from promptrec_tui.workspace.differences import Differences
    from promptrec_tui.workspace.runs import RunRow

RUN_COLUMNS = (
    *("name", "state", "step", "total_steps", "train_loss", "best_metric", "best_value", "best_step"),
    *("test_value", "test_users", "dataset", "template", "model", "task", "method", "learning_rate", "seed"),
    *("tags", "note", "created", "id"),
)

DATASET_COLUMNS = ("name", "users", "items", "interactions", "examples", "format", "created", "source", "id")


@dataclass(frozen=True)
class Listing:
    """A table: its columns, and rows of values, of which None is an empty cell."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


def listing(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> Listing:
    """The table of some columns of mappings."""
    return Listing(tuple(columns), tuple(tuple(row.get(column) for column in columns) for row in rows))


def run_listing(rows: "Iterable[RunRow]") -> Listing:
    """The list of runs."""
    return listing(({**asdict(row), "tags": " ".join(row.tags)} for row in rows), RUN_COLUMNS)


def figures_of(metrics: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The test figures in the metrics of a run, by what they are of: the model, its rivals, its blend."""
    figures = {
        "before (untuned)": metrics.get("before"),
        "after (tuned)": metrics.get("after"),
        **metrics.get("references", {}),
        **metrics.get("baselines", {}),
        "blend": metrics.get("blend"),
    }
    return {name: row for name, row in figures.items() if row}


def figures_listing(metrics: Mapping[str, Any]) -> Listing:
    """The table of a run's test figures; without rows before there are some."""
    figures = figures_of(metrics)
    names = list(dict.fromkeys(name for row in figures.values() for name in row))
    return listing(({"model": name, **row} for name, row in figures.items()), ("model", *names))


def comparison_listing(comparison: "Comparison") -> Listing:
    """A row for each run and metric, and for each other run that it is compared with; then the blends.

    `of` is the model, or the blend or mixture of the run.
    """
    columns = (
        *("run", "metric", "value", "minus", "difference", "low", "high", "verdict"),
        *("better", "equal", "worse", "users", "of"),
    )
    rows: list[tuple[Any, ...]] = []
    for run in comparison.runs:
        for metric, values in comparison.metrics.items():
            begun = (run.name, metric, values[run.name])
            pairs = [pair for pair in comparison.pairs if (pair.a, pair.metric) == (run.name, metric)]
            rows += [(*begun, *_difference(pair), "model") for pair in pairs] or [
                (*begun, *[None] * 8, comparison.users, "model")
            ]
    for blended in comparison.blends:
        rows += [
            (blended.run, pair.metric, blended.metrics[pair.metric], *_difference(pair), blended.part)
            for pair in blended.pairs
        ]
    return Listing(columns, tuple(rows))


def _difference(pair: "Pair") -> tuple[Any, ...]:
    return (
        *(pair.b, pair.value, pair.low, pair.high, pair.verdict),
        *(pair.wins, pair.ties, pair.losses, pair.users),
    )


def differences_listing(differs: "Differences", names: Sequence[str]) -> Listing:
    """What differs between runs: a row for each setting or part, a column for each run."""
    rows = tuple(
        (key, *(listed(values.get(name)) for name in names)) for key, values in differs.values.items()
    )
    return Listing(("setting", *names), rows)


def by_value(values: Mapping[str, Any], names: Sequence[str]) -> dict[str, list[str]]:
    """The runs that have each value of a setting or part, values and runs in the order of `names`."""
    runs: dict[str, list[str]] = {}
    for name in names:
        runs.setdefault(value_text(values.get(name)), []).append(name)
    return runs


def value_text(value: Any) -> str:
    """The value of a setting as people write it."""
    return "-" if value is None else f"{value:g}" if isinstance(value, float) else str(listed(value))


def gains_listing(gains: "Gains", noun: str) -> Listing:
    """Every test case of a pair of runs: the answer of both, and the gain."""
    rows = tuple((case.user, case.b, case.a, case.gain) for case in gains.users)
    return Listing((noun, gains.b, gains.a, "gain"), rows)


def listed(value: Any) -> Any:
    """The value of a setting, a list as its items with commas between."""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else value


def markdown(table: Listing) -> str:
    """A table in Markdown: numbers on the right, with four digits."""
    numbers = [
        any(isinstance(row[place], int | float) for row in table.rows) for place in range(len(table.columns))
    ]
    lines = [table.columns, tuple("---:" if number else "---" for number in numbers)]
    lines += [tuple(_cell(value) for value in row) for row in table.rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def csv_text(table: Listing) -> str:
    """A table as comma-separated values in full precision."""
    file = io.StringIO()
    out = csv.writer(file, lineterminator="\n")
    out.writerows([table.columns, *table.rows])
    return file.getvalue()


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else clean(str(value)).replace("\\", "\\\\").replace("|", "\\|")


def write_export(home: Home, stem: str, suffix: str, made: str | bytes) -> Path:
    """Write a text or a picture into the folder of exports, under a name that is free; returns its path.

    Raises UserError when it cannot be written.
    """
    stem = re.sub(r"[^\w@.]+", "-", clean(stem)).strip("-.")[:80]
    path = home.exports / f"{stem or 'export'}.{suffix}"
    try:
        home.exports.mkdir(mode=0o700, exist_ok=True)
        for path in _free(home.exports, stem or "export", suffix):
            try:
                with open(path, "xb") as file:
                    file.write(made.encode() if isinstance(made, str) else made)
                return path
            except FileExistsError:
                continue
    except OSError as error:
        raise UserError(f"The export {path} cannot be written: {error.strerror}.") from None
    raise AssertionError("There is always a free name.")


def _free(folder: Path, stem: str, suffix: str) -> Iterator[Path]:
    yield folder / f"{stem}.{suffix}"
    for number in count(2):
        yield folder / f"{stem}-{number}.{suffix}"
