"""`promptrec template`: list, show, save, versions, diff, rename, render, audit, try."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from promptrec_tui.cli.audit import audit_command
from promptrec_tui.cli.output import JsonOption, print_json, print_table, workspace
from promptrec_tui.cli.trial import try_command
from promptrec_tui.text import clean_lines
from promptrec_tui.workspace import rendering as renderings
from promptrec_tui.workspace import templates, versions

app = typer.Typer(help="Prompt templates.", no_args_is_help=True)


@app.command("list")
def list_command(as_json: JsonOption = False) -> None:
    """List the newest version of each template."""
    with workspace() as here:
        rows = [asdict(row) for row in templates.list_templates(here)]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("name", "version", "task", "language", "builtin", "id"), "No templates.")


@app.command("show")
def show_command(
    template: str,
    toml: Annotated[bool, typer.Option("--toml", help="Print the TOML file that `save` reads.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show one template (NAME, or NAME@2 for its second version)."""
    with workspace() as here:
        row = templates.find_template(here, template)
    if as_json:
        print_json(asdict(row))
        return
    if toml:
        print(templates.template_to_toml(row), end="")
        return
    print(f"{row.name} version {row.version}, {row.task}, {row.language}, wrap {row.wrap}\n")
    for entry in row.text_fields():
        if text := getattr(row, entry.name):
            print(f"{entry.name}:\n{clean_lines(text)}\n")
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


@app.command("versions")
def versions_command(template: str, as_json: JsonOption = False) -> None:
    """List all versions of a template, oldest first."""
    with workspace() as here:
        listed = versions.template_versions(here, template)
    rows = [{**asdict(version.row), "runs": list(version.runs)} for version in listed]
    if as_json:
        print_json(rows)
    else:
        shown = [{**row, "runs": ", ".join(row["runs"]) or None} for row in rows]
        print_table(shown, ("name", "version", "created", "id", "runs"), "No versions.")


@app.command("diff")
def diff_command(before: str, after: str, as_json: JsonOption = False) -> None:
    """Compare two versions, such as mine@1 and mine@2, as a unified diff of their TOML."""
    with workspace() as here:
        rows = [templates.find_template(here, name) for name in (before, after)]
        lines = versions.version_diff(*rows)
    if as_json:
        print_json(lines)
    else:
        print("\n".join(lines) or "The two versions are equal.")


@app.command("rename")
def rename_command(template: str, name: str, as_json: JsonOption = False) -> None:
    """Give a template another name; runs keep the name and the text that they started with."""
    with workspace() as here:
        row = templates.rename_template(here, template, name)
    if as_json:
        print_json(asdict(row))
    else:
        print(f"Renamed to {row.name}.")


@app.command("render")
def render_command(
    dataset: Annotated[str, typer.Option("--dataset", help="Name or id of a dataset.")],
    template: Annotated[str, typer.Option("--template", help="Name or id of a template.")],
    row: Annotated[int | None, typer.Option("--row", min=0, help="Render for the user of this row.")] = None,
    user: Annotated[str | None, typer.Option("--user", help="Render for the user of this key.")] = None,
    model: Annotated[
        str, typer.Option("--model", help="The model whose tokenizer counts; by default the first.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Show the prompt and completion of a user's validation target, or of a labelled text."""
    with workspace() as here:
        rendering = renderings.render_template(here, dataset, template, user=user, model=model, row=row)
    if as_json:
        print_json(asdict(rendering))
        return
    used = len(rendering.prompt_token_ids) + len(rendering.completion_token_ids)
    print(f"row {rendering.user}: {used:,} of {rendering.context:,} tokens, ", end="")
    print(f"{rendering.dropped_history} history items dropped for length, {rendering.older} older ones\n")
    print(clean_lines(rendering.prompt) + "⟦" + clean_lines(rendering.completion) + "⟧")


app.command("audit")(audit_command)
app.command("try")(try_command)
