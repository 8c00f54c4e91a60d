"""`promptrec doctor` and `promptrec paths`: is all well, and where does it lie."""

from typing import Any

import typer

from promptrec_tui.cli.output import JsonOption, print_json, print_table
from promptrec_tui.home import find_home
from promptrec_tui.workspace.doctor import examine, places


def doctor_command(as_json: JsonOption = False) -> None:
    """Look for what could go wrong; exit status 1 when something must be mended."""
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


def paths_command(as_json: JsonOption = False) -> None:
    """Print where everything lies."""
    found = places(find_home())
    if as_json:
        print_json(found)
    else:
        print_table([{"what": key, "path": value} for key, value in found.items()], ("what", "path"), "")
