"""Work in child processes of a workspace that answer in JSON lines."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from promptrec_tui.errors import UserError
from promptrec_tui.runs.launchers import environment
from promptrec_tui.workspace.opening import Workspace

Progress = Callable[[str, int, int], None]


def start_child(workspace: Workspace, module: str, *arguments: str, log: Path) -> "subprocess.Popen[str]":
    """Start `module` in this home, with pipes for its input and its answers. `log` gets what it prints."""
    with open(log, "wb") as errors:
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            encoding="utf-8",
            env=environment(workspace.home),
        )


def ask_child(
    workspace: Workspace,
    module: str,
    *arguments: str,
    request: dict[str, Any] | None = None,
    log: str,
    work: str,
    progress: Progress | None,
) -> dict[str, Any]:
    """Start `module`, send it the request, report its progress, and return its last line.

    `log`: the file in the home for what it prints; `work`: what it does, for errors. Raises UserError when it
    answers with an error or ends without an answer.
    """
    path = workspace.home.root / log
    process = start_child(workspace, module, *arguments, log=path)
    assert process.stdin is not None
    assert process.stdout is not None
    reply: dict[str, Any] = {}
    try:
        if request is not None:
            process.stdin.write(json.dumps(request) + "\n")
        process.stdin.close()
        if progress:
            progress("loading the model", 0, 0)
        for line in process.stdout:
            reply = json.loads(line)
            if progress and "done" in reply:
                progress(reply["name"], reply["done"], reply["total"])
    finally:
        process.kill()
        process.wait()
    if "error" in reply:
        raise UserError(reply["error"])
    if not reply or "done" in reply:
        raise UserError(f"The {work} ended unexpectedly: the last output is in {path}.")
    return reply
