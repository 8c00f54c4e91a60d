"""`promptrec compare`: what differs between finished runs, their metrics, and who gains."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from promptrec_tui.cli.output import (
    FormOption,
    JsonOption,
    ProgressOption,
    ProgressStyle,
    TableForm,
    print_json,
    print_listing,
    print_table,
    progress_writer,
    show,
    workspace,
)
from promptrec_tui.text import cases_text, clean, digits, figure_text
from promptrec_tui.workspace.exports import by_value, comparison_listing, listed

if TYPE_CHECKING:
    from promptrec_tui.workspace.comparison import Comparison, Gains, Pair

SHOWN_USERS = 5
"""Users at each end of the order by gain; the JSON has all."""

MOST_COLUMNS = 6
"""The most runs that have a column each."""

VERDICTS = {"better": "better", "worse": "worse", "unclear": "may be chance"}


def compare_command(
    runs: Annotated[list[str], typer.Argument(metavar="RUN RUN...", help="Names or ids of finished runs.")],
    baseline: Annotated[
        str, typer.Option("--baseline", metavar="RUN", help="The one of them to compare all others with.")
    ] = "",
    blend: Annotated[
        bool, typer.Option("--blend", help="Compare the blends of the runs instead of their models.")
    ] = False,
    form: FormOption = TableForm.text,
    progress: ProgressOption = ProgressStyle.auto,
    as_json: JsonOption = False,
) -> None:
    """Compare finished runs on their common test users: what differs, metrics with intervals, who gains."""
    # numpy and scipy are loaded by this command only.
    from promptrec_tui.workspace.compare import compare_runs

    with workspace() as here:
        comparison = compare_runs(here, runs, blend, baseline, progress_writer(progress))
    if as_json:
        print_json(comparison.to_json())
    elif form is not TableForm.text:
        print_listing(comparison_listing(comparison), form)
    else:
        _print(comparison)


def _print(comparison: "Comparison") -> None:
    names = [run.name for run in comparison.runs]
    _print_differences(comparison, names)
    print(f"\n{clean(comparison.caption)}")
    _print_figures(comparison, names)
    places = digits(comparison.users)
    for seeds in comparison.seeds:
        named = zip(seeds.runs, seeds.seeds, strict=True)
        listed = ", ".join(f"{clean(run)} (seed {seed})" for run, seed in named)
        print(f"\nrepetitions of one spec: {listed}")
        spreads = [
            {"metric": name, "mean": f"{each.mean:.{places}f}", "spread": f"{each.spread:.{places}f}"}
            for name, each in seeds.metrics.items()
        ]
        print_table(spreads, ("metric", "mean", "spread"), "")
    for gains in comparison.gains:
        pairs = [pair for pair in comparison.pairs if (pair.a, pair.b) == (gains.a, gains.b)]
        _print_pair(comparison, pairs)
        _print_users(comparison, gains)
    for blended in comparison.blends:
        _print_pair(comparison, blended.pairs)
    for note in comparison.notes:
        print(f"warning: {clean(note)}")


def _print_figures(comparison: "Comparison", names: list[str]) -> None:
    """A row for each run and its blends; empty cells for a run without one where others have it."""
    rows: list[dict[str, Any]] = []

    def add(name: str, figures: Mapping[str, float | None]) -> None:
        cells = {key: figure_text(value, comparison.users, key) for key, value in figures.items()}
        rows.append({"run": name, **cells})

    for name in names:
        add(name, {metric: values[name] for metric, values in comparison.metrics.items()})
        for part, figures in comparison.beside(name).items():
            add(f"{part} of {name}", figures)
    print_table(rows, ("run", *comparison.metrics), "")


def _print_differences(comparison: "Comparison", names: list[str]) -> None:
    """A column for each run; of many runs, those that have each value."""
    differs, equal = comparison.differs, "Nothing differs but the names."
    if len(names) > MOST_COLUMNS:
        rows = [
            {"": key, "value": value, "runs": ", ".join(which)}
            for key, values in differs.values.items()
            for value, which in by_value(values, names).items()
        ]
        print_table(rows, ("", "value", "runs"), equal)
    else:
        rows = [
            {"": key, **{clean(name): listed(values.get(name)) for name in names}}
            for key, values in differs.values.items()
        ]
        print_table(rows, ("", *map(clean, names)), equal)
    for lines in dict.fromkeys(differs.template_diff.values()):
        print()
        print(*lines, sep="\n")


def _print_pair(comparison: "Comparison", pairs: "Sequence[Pair]") -> None:
    first, places = pairs[0], digits(comparison.users)
    print(f"\n{clean(first.a)} minus {clean(first.b)}, with 95 % intervals:")
    rows = [
        {
            "metric": pair.metric,
            "difference": _signed(pair.value, places),
            "from": _signed(pair.low, places),
            "to": _signed(pair.high, places),
            "": VERDICTS.get(pair.verdict),
        }
        for pair in pairs
    ]
    print_table(rows, ("metric", "difference", "from", "to", ""), "")
    print(
        f"{clean(first.a)} is better for {first.wins:,}, equal for {first.ties:,}, worse for "
        f"{first.losses:,} of {cases_text(first.users, comparison.noun)}."
    )


def _print_users(comparison: "Comparison", gains: "Gains") -> None:
    best = [case for case in gains.users if case.gain > 0][:SHOWN_USERS]
    worst = [case for case in gains.users if case.gain < 0][-SHOWN_USERS:][::-1]
    answer = "rank" if comparison.noun == "user" else "probability of the true label"
    old, new = f"in {clean(gains.b)}", f"in {clean(gains.a)}"
    for heading, cases in (("gain", best), ("lose", worst)):
        if cases:
            print(f"\n{comparison.noun}s that {heading} most, by {answer}:")
            listed = [{"": case.user, old: case.b, new: case.a} for case in cases]
            print_table(listed, ("", old, new), "")


def _signed(value: float | None, places: int) -> str:
    return show(None) if value is None else f"{value:+.{places}f}"
