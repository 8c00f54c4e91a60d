"""`promptrec run check`: what a run would meet, before it starts."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from promptrec_tui.cli.output import (
    JsonOption,
    ProgressOption,
    ProgressStyle,
    print_json,
    progress_writer,
    workspace,
)
from promptrec_tui.cli.settings import SetOption, parse_settings
from promptrec_tui.text import clean
from promptrec_tui.workspace.settings import read_settings_toml


def check_command(
    dataset: Annotated[str, typer.Option("--dataset", help="Name or id of a dataset.")],
    template: Annotated[str, typer.Option("--template", help="Name or id of a template.")],
    model: Annotated[str, typer.Option("--model", help="Name or id of a base model.")],
    task: Annotated[str, typer.Option("--task", help="What is asked.")] = "next_item",
    settings: SetOption = None,
    config: Annotated[Path | None, typer.Option("--config", help="A TOML file of spec keys.")] = None,
    progress: ProgressOption = ProgressStyle.auto,
    as_json: JsonOption = False,
) -> None:
    """Check a run and start nothing: a step, an evaluation, memory, time, disk; exit status 1 on a fail."""
    from promptrec_tui.workspace.new_runs import NewRun, free_run_name
    from promptrec_tui.workspace.preflight import check_run

    given: dict[str, Any] = read_settings_toml(config) if config else {}
    given.update(parse_settings(settings))
    with workspace() as here:
        new = NewRun(free_run_name(here, dataset, model), dataset, task, template, model, given)
        checked = check_run(here, new, progress_writer(progress))
    if as_json:
        print_json({**asdict(checked), "ok": checked.ok})
    else:
        for finding in checked.findings:
            print(f"{finding.verdict}  {finding.name:<10}  {clean(finding.text)}")
    if not checked.ok:
        raise typer.Exit(1)
