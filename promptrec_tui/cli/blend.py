"""`promptrec blend`: fit."""

from dataclasses import asdict
from typing import Annotated

import typer

from promptrec_tui.cli.output import (
    JsonOption,
    ProgressOption,
    ProgressStyle,
    print_json,
    print_table,
    progress_writer,
    workspace,
)
from promptrec_tui.text import clean, metric_text
from promptrec_tui.workspace.blends import fit_blend

app = typer.Typer(help="Blends of a run's model and its baselines.", no_args_is_help=True)


@app.command("fit")
def fit_command(
    run: Annotated[str, typer.Argument(help="Name or id of a finished run.")],
    as_json: JsonOption = False,
    progress: ProgressOption = ProgressStyle.auto,
) -> None:
    """Fit weights of a run's model and its baselines on validation targets; judge them on the test."""
    with workspace() as here:
        fitted = fit_blend(here, run, progress=progress_writer(progress))
    if as_json:
        print_json(asdict(fitted))
        return
    rows = [
        {"feature": name, "weight": weight, "share of the decision": f"{fitted.shares[name]:.0%}"}
        for name, weight in fitted.weights.items()
    ]
    print_table(rows, ("feature", "weight", "share of the decision"), "No weights.")
    print(f"\nChosen on {fitted.users:,} users: {clean(fitted.chosen)}.")
    over = clean(str(fitted.gain["name"]))
    for metric, interval in fitted.gain.items():
        if metric != "name":
            low, high = interval["low"], interval["high"]
            span = "" if None in (low, high) else f" (95 % {low:+.4f} to {high:+.4f})"
            print(f"{metric_text(metric)} over {over}: {interval['value'] or 0:+.4f}{span}")
