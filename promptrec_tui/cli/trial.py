"""`promptrec template try`: compare templates before tuning."""

from dataclasses import asdict
from typing import Annotated, Any

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
from promptrec_tui.workspace.trials import Sensitivity, try_templates

SHOWN_WORDS = 10


def try_command(
    dataset: Annotated[str, typer.Option("--dataset", help="Name or id of a dataset.")],
    template: Annotated[
        list[str] | None,
        typer.Option("--template", help="A template to try; repeat. All of them by default."),
    ] = None,
    model: Annotated[
        str, typer.Option("--model", help="The untuned model to use; by default the first.")
    ] = "",
    run: Annotated[str, typer.Option("--run", help="Use the tuned model of this run instead.")] = "",
    orders: Annotated[
        bool, typer.Option("--orders", help="Try each template with the newest item first, too.")
    ] = False,
    users: Annotated[
        int, typer.Option("--users", min=1, help="Number of users for the best templates.")
    ] = 64,
    k: Annotated[int, typer.Option("-k", min=1, help="Cut-off of the metrics.")] = 10,
    words: Annotated[
        bool, typer.Option("--words", help="Measure the effect of each word of the best template.")
    ] = False,
    as_json: JsonOption = False,
    progress: ProgressOption = ProgressStyle.auto,
) -> None:
    """Compare templates on the same users before tuning: all on few users, the best on more."""
    with workspace() as here:
        sensitivity = try_templates(
            here,
            dataset,
            template or (),
            model=model,
            run=run,
            orders=orders,
            users=users,
            k=k,
            words=words,
            progress=progress_writer(progress),
        )
    if as_json:
        print_json(asdict(sensitivity))
    else:
        _print(sensitivity, k, words)


def _print(sensitivity: Sensitivity, k: int, words: bool) -> None:
    rows: list[dict[str, Any]] = [
        {"template": trial.name, "users": trial.users, **trial.metrics, "problem": trial.error}
        for trial in sensitivity.trials
    ]
    failed = ("problem",) if any(trial.error for trial in sensitivity.trials) else ()
    print_table(rows, ("template", "users", f"ndcg@{k}", f"hr@{k}", "mrr", "rank", *failed), "Nothing tried.")
    print(
        f"\n{sensitivity.metric.upper()} over the {sensitivity.users} users that all templates were "
        f"tried on: mean {sensitivity.mean:.4f}, from {sensitivity.low:.4f} to {sensitivity.high:.4f}. "
        "Validation targets; rank is the geometric mean over the whole catalogue."
    )
    if words and not sensitivity.words:
        print(f"\nThe prompt of {sensitivity.trials[0].name!r} has no words of its own.")
    elif words:
        print(f"\nCost of leaving a word out of {sensitivity.trials[0].name!r} (doublings of the rank):")
        dear = [asdict(word) for word in sensitivity.words[:SHOWN_WORDS]]
        print_table(dear, ("word", "cost", "users"), "")
