"""`promptrec template`: list, show, save, render."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from promptrec_tui.cli.output import JsonOption, print_json, print_table, workspace
from promptrec_tui.text import clean_lines
from promptrec_tui.workspace import templates

app = typer.Typer(help="Prompt templates.", no_args_is_help=True)


@app.command("list")
def list_command(as_json: JsonOption = False) -> None:
    """List the templates, each in its newest version."""
    with workspace() as here:
        rows = [asdict(row) for row in templates.list_templates(here)]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("name", "version", "task", "language", "builtin", "id"), "No templates.")


@app.command("show")
def show_command(template: str, as_json: JsonOption = False) -> None:
    """Show one template (NAME, or NAME@2 for its second version)."""
    with workspace() as here:
        row = templates.find_template(here, template)
    if as_json:
        print_json(asdict(row))
        return
    print(f"{row.name} version {row.version}, {row.task}, {row.language}\n")
    print(f"prompt:\n{clean_lines(row.prompt)}\n")
    print(f"completion:\n{clean_lines(row.completion)}\n")
    print(f"end token: {row.end_token!r}" if row.end_token else "end token: the tokenizer's own")


@app.command("save")
def save_command(
    file: Annotated[Path, typer.Argument(help="A TOML file: name, task, language, prompt, completion.")],
    as_json: JsonOption = False,
) -> None:
    """Save a template file; a known name gets a new version."""
    with workspace() as here:
        row = templates.save_template(here, file)
    if as_json:
        print_json(asdict(row))
    else:
        print(f"Saved {row.name} version {row.version}.")


@app.command("render")
def render_command(
    dataset: Annotated[str, typer.Option("--dataset", help="Name or id of a dataset.")],
    template: Annotated[str, typer.Option("--template", help="Name or id of a template.")],
    row: Annotated[int, typer.Option("--row", min=0, help="Render for the user of this row.")] = 0,
    user: Annotated[str | None, typer.Option("--user", help="Render for the user of this key.")] = None,
    model: Annotated[
        str, typer.Option("--model", help="Whose tokenizer counts; the first model's by default.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Show the prompt and completion of a user's last event."""
    with workspace() as here:
        rendering = templates.render_template(here, dataset, template, user=user, model=model, row=row)
    if as_json:
        print_json(asdict(rendering))
        return
    used = len(rendering.prompt_token_ids) + len(rendering.completion_token_ids)
    print(f"user {rendering.user}: {used:,} of {rendering.context:,} tokens, ", end="")
    print(f"{rendering.dropped_history} history items dropped\n")
    print(clean_lines(rendering.prompt) + "⟦" + clean_lines(rendering.completion) + "⟧")
