"""`promptrec doctor` and `promptrec paths`: checks of machine and home, and the paths of files."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from promptrec_tui.cli.output import JsonOption, print_json, print_table
from promptrec_tui.home import find_home
from promptrec_tui.text import clean
from promptrec_tui.workspace.doctor import examine, places
from promptrec_tui.workspace.rebuild import rebuild


def doctor_command(
    anew: Annotated[
        bool, typer.Option("--rebuild", help="Make a new catalogue from the folders; the old one is kept.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check machine and home; exit status 1 when something must be fixed."""
    if anew:
        _rebuild(as_json)
        return
    findings = examine(find_home())
    rows: list[dict[str, Any]] = [
        {"check": finding.check, "ok": finding.ok, "finding": finding.finding} for finding in findings
    ]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("ok", "check", "finding"), "")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def _rebuild(as_json: bool) -> None:
    rebuilt = rebuild(find_home())
    if as_json:
        print_json(asdict(rebuilt))
        return
    counts = f"{rebuilt.runs} runs, {rebuilt.datasets} datasets, {rebuilt.templates} templates"
    print(f"A new catalogue was made: {counts}, {rebuilt.models} models.")
    if rebuilt.old:
        print(f"The old one is in {clean(rebuilt.old)}.")
    for loss in rebuilt.losses:
        print(f"missing: {clean(loss)}")


def paths_command(as_json: JsonOption = False) -> None:
    """Print the paths of all files and folders."""
    paths = places(find_home())
    if as_json:
        print_json(paths)
    else:
        print_table([{"what": key, "path": value} for key, value in paths.items()], ("what", "path"), "")
