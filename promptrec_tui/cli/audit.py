"""`promptrec template audit`: the effects of a template on a whole dataset."""

from dataclasses import asdict
from typing import Annotated

import typer

from promptrec_tui.cli.output import (
    JsonOption,
    ProgressOption,
    ProgressStyle,
    bar,
    print_json,
    progress_writer,
    workspace,
)
from promptrec_tui.text import clean
from promptrec_tui.workspace.audit import audit_template, one_answer


def audit_command(
    dataset: Annotated[str, typer.Option("--dataset", help="Name or id of a dataset.")],
    template: Annotated[str, typer.Option("--template", help="Name or id of a template.")],
    model: Annotated[
        str, typer.Option("--model", help="The model whose tokenizer counts; by default the first.")
    ] = "",
    users: Annotated[
        int, typer.Option("--users", min=0, help="Size of the sample of users; 0: all users.")
    ] = 0,
    progress: ProgressOption = ProgressStyle.auto,
    as_json: JsonOption = False,
) -> None:
    """Count tokens, dropped history, refused rows and equal answers over a whole dataset."""
    with workspace() as here:
        audit = audit_template(here, dataset, template, model, users, progress_writer(progress))
    if as_json:
        print_json(asdict(audit))
        return
    print(f"{audit.rows:,} rows; median {audit.median:,}, longest {audit.longest:,}, ", end="")
    print(f"context {audit.context:,} tokens")
    most = max((rows for _, rows in audit.histogram), default=0)
    for bound, rows in audit.histogram:
        print(bar(f"≤ {bound:6,}", rows, most))
    print(f"rows that lose history: {audit.losing_history:,} ({audit.dropped_items:,} items)")
    print(f"rows refused: {audit.refused:,}")
    for reason in audit.reasons:
        print(f"  {clean(reason)}")
    print(f"trained tokens: {audit.trained_share:.1%}")
    print(f"answers: {audit.answers:,}, which begin with {audit.first_tokens:,} different tokens")
    for group in audit.collisions:
        examples = ", ".join(clean(example) for example in group.examples)
        print(f"  {group.answers:,} begin with {clean(group.token)!r}: {examples}")
    for same in audit.same:
        print(f"  {same.items:,} are one answer: {clean(one_answer(same.examples))}")
    print(f"prefix sharing: {audit.sharing:.1f} times fewer prompt tokens")
