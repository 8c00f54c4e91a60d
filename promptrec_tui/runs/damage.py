"""The files of a run's folder that cannot be read. Such a file is ignored, with a warning."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from promptrec_tui.errors import UserError
from promptrec_tui.runs.attempts import Computing, Started, Verdict
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.label import Label
from promptrec_tui.runs.liveness import Heartbeat
from promptrec_tui.runs.queue import ASKED, AskedFile, Claim
from promptrec_tui.runs.report import Report
from promptrec_tui.runs.requests import RequestFile
from promptrec_tui.typed import trouble

LAST = 20
"""How many of the attempts and of the requests are looked at, from the last one back."""


def damage(folder: RunFolder) -> list[str]:
    """What cannot be read in a run's folder, a sentence each that names the file; the gravest come first."""
    try:
        folder.spec()
    except UserError as error:
        return [str(error)]
    problems = [problem for kind, path in _files(folder) if (problem := trouble(kind, path))]
    for path in (folder.path / "attempts", folder.control, folder.checkpoints, folder.result):
        if path.exists() and not path.is_dir():
            problems.append(f"{path} is no folder")
    for path in (folder.events, folder.attempt(folder.last_attempt or 1).log):
        if path.exists() and not path.is_file():
            problems.append(f"{path} is no regular file")
    return [f"{problem}: it is ignored." for problem in problems]


def _files(folder: RunFolder) -> Iterator[tuple[type[Any], Path]]:
    yield AskedFile, folder.queue_file
    yield Label, folder.label
    yield Report, folder.report
    for number in reversed(folder.attempts()[-LAST:]):
        attempt = folder.attempt(number)
        yield Verdict, attempt.exit
        yield Started, attempt.started
        yield Computing, attempt.computing
        yield Claim, attempt.claim
        yield AskedFile, attempt.path / ASKED
    yield Heartbeat, folder.heartbeat
    for request in folder.requests()[-LAST:]:
        yield RequestFile, folder.request(request)
