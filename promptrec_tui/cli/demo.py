"""`promptrec demo`: the sample workspace, in the app or without a terminal."""

import sys
from typing import Annotated

import typer

from promptrec_tui.cli.output import JsonOption, ProgressStyle, print_json, progress_writer
from promptrec_tui.cli.run import print_summary
from promptrec_tui.cli.waiting import wait_for
from promptrec_tui.home import find_home
from promptrec_tui.workspace.control import resume_run
from promptrec_tui.workspace.demo import start_demo
from promptrec_tui.workspace.opening import opened
from promptrec_tui.workspace.run_document import run_document
from promptrec_tui.workspace.runs import RESUMABLE, find_run, refresh


def demo_command(
    headless: Annotated[
        bool, typer.Option("--headless", help="No app: progress on stderr, the result on stdout.")
    ] = False,
    ascii_only: Annotated[bool, typer.Option("--ascii", help="Draw with ASCII characters only.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Tune the embedded model on simulated film histories."""
    home = find_home("demo")
    print(f"demo home: {home.root} (simulated interactions over real films)", file=sys.stderr)
    if not headless:
        from promptrec_tui.tui.app import run_app

        raise typer.Exit(run_app(home, demo=True, ascii_only=ascii_only))
    with opened(home) as workspace:
        row = start_demo(workspace, progress_writer(ProgressStyle.auto))
        refresh(workspace)
        if find_run(workspace, row.id).state in RESUMABLE:
            resume_run(workspace, row.id)
        wait_for(workspace, row.id)
        document = run_document(workspace, row.id)
    if as_json:
        print_json(document)
    else:
        print_summary(document)
    if document["state"] != "done":
        raise typer.Exit(1)
