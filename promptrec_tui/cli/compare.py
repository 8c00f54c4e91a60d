"""`promptrec compare`: what differs between finished runs, their metrics, and who gains."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from promptrec_tui.cli.output import (
    FormOption,
    JsonOption,
    TableForm,
    print_json,
    print_listing,
    print_table,
    show,
    workspace,
)
from promptrec_tui.text import cases_text, clean
from promptrec_tui.workspace.exports import comparison_listing

if TYPE_CHECKING:
    from promptrec_tui.workspace.compare import Comparison, Gains

SHOWN_USERS = 5
"""Users at each end of the order by gain; the JSON has all."""

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
    as_json: JsonOption = False,
) -> None:
    """Compare finished runs on their common test users: what differs, metrics with intervals, who gains."""
    # numpy and scipy are loaded by this command only.
    from promptrec_tui.workspace.compare import compare_runs

    with workspace() as here:
        comparison = compare_runs(here, runs, blend, baseline)
    if as_json:
        print_json(comparison.to_json())
    elif form is not TableForm.text:
        print_listing(comparison_listing(comparison), form)
    else:
        _print(comparison)


def _print(comparison: "Comparison") -> None:
    names = [run.name for run in comparison.runs]
    _print_differences(comparison, names)
    print(f"\ntest, {cases_text(comparison.users, comparison.noun)}:")
    rows: list[dict[str, Any]] = [
        {"run": name, **{metric: values[name] for metric, values in comparison.metrics.items()}}
        for name in names
    ]
    print_table(rows, ("run", *comparison.metrics), "")
    for seeds in comparison.seeds:
        named = zip(seeds.runs, seeds.seeds, strict=True)
        listed = ", ".join(f"{clean(run)} (seed {seed})" for run, seed in named)
        print(f"\nrepetitions of one spec: {listed}")
        spreads = [{"metric": name, **asdict(spread)} for name, spread in seeds.metrics.items()]
        print_table(spreads, ("metric", "mean", "spread"), "")
    for gains in comparison.gains:
        _print_pair(comparison, gains)
    for note in comparison.notes:
        print(f"warning: {clean(note)}")


def _print_differences(comparison: "Comparison", names: list[str]) -> None:
    differs = comparison.differs
    rows = [
        {"": key, **{clean(name): _value(values.get(name)) for name in names}}
        for key, values in differs.values.items()
    ]
    print_table(rows, ("", *map(clean, names)), "Nothing differs but the names.")
    for lines in differs.template_diff.values():
        print()
        print(*lines, sep="\n")


def _value(value: Any) -> Any:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else value


def _print_pair(comparison: "Comparison", gains: "Gains") -> None:
    pairs = [pair for pair in comparison.pairs if (pair.a, pair.b) == (gains.a, gains.b)]
    print(f"\n{clean(gains.a)} minus {clean(gains.b)}, with 95 % intervals:")
    rows = [
        {
            "metric": pair.metric,
            "difference": _signed(pair.value),
            "from": _signed(pair.low),
            "to": _signed(pair.high),
            "": VERDICTS.get(pair.verdict),
        }
        for pair in pairs
    ]
    print_table(rows, ("metric", "difference", "from", "to", ""), "")
    counts = pairs[0]
    print(
        f"{clean(counts.a)} is better for {counts.wins:,}, equal for {counts.ties:,}, worse for "
        f"{counts.losses:,} of {cases_text(counts.users, comparison.noun)}."
    )
    best = [case for case in gains.users if case.gain > 0][:SHOWN_USERS]
    worst = [case for case in gains.users if case.gain < 0][-SHOWN_USERS:][::-1]
    answer = "rank" if comparison.noun == "user" else "probability of the true label"
    old, new = f"in {clean(gains.b)}", f"in {clean(gains.a)}"
    for heading, cases in (("gain", best), ("lose", worst)):
        if cases:
            print(f"\n{comparison.noun}s that {heading} most, by {answer}:")
            listed = [{"": case.user, old: case.b, new: case.a} for case in cases]
            print_table(listed, ("", old, new), "")


def _signed(value: float | None) -> str:
    return show(None) if value is None else f"{value:+.4f}"
