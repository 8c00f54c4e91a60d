"""A command of the app in a child process: memory of its own, progress on stderr, the result on stdout."""

import asyncio
import json
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from promptrec_tui.errors import UserError
from promptrec_tui.home import VARIABLE, Home
from promptrec_tui.text import clean

Progress = Callable[[str, int, int], None]
"""Called with phase, done and total (0 = unknown)."""

PATIENCE_SECONDS = 10.0
KEPT_LINES = 5


async def run_child(home: Home, arguments: Sequence[str], progress: Progress) -> Any:
    """What `promptrec ARGUMENTS` prints as JSON; the arguments ask for `--json` and `--progress json`.

    They go through a pipe, because every user of the machine can read command lines.

    A cancellation interrupts the child, which then removes its files. Raises UserError with the child's
    message when its exit status is not 0.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "promptrec_tui.cli.unseen",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, VARIABLE: str(home.root), "PYTHONUTF8": "1"},
        # Signals of the terminal are for the app, which interrupts the child itself.
        start_new_session=True,
    )
    try:
        _, answer, output = await asyncio.gather(
            _tell(process.stdin, arguments), _read(process.stdout), _follow(process.stderr, progress)
        )
        status = await process.wait()
    except BaseException:
        await _interrupt(process)
        raise
    if status != 0:
        raise UserError(sentence(output, status))
    return json.loads(answer)


def progress_of(line: str) -> tuple[str, int, int] | None:
    """Phase, done and total of a line of progress; None for any other line."""
    try:
        event = json.loads(line)
        return str(event["phase"]), int(event["done"]), int(event["total"])
    except (ValueError, TypeError, KeyError):
        return None


def sentence(output: Sequence[str], status: int) -> str:
    """The message of a failed command, else a sentence with its last line."""
    for line in reversed(output):
        if line.startswith("promptrec: "):
            return line.removeprefix("promptrec: ")
    last = f": {output[-1]}" if output else "."
    return f"The command ended with status {status}{last}"


async def _tell(stream: asyncio.StreamWriter | None, arguments: Sequence[str]) -> None:
    if stream:
        with suppress(ConnectionError):
            stream.write(json.dumps(list(arguments)).encode())
            await stream.drain()
        stream.close()


async def _read(stream: asyncio.StreamReader | None) -> bytes:
    return await stream.read() if stream else b""


async def _follow(stream: asyncio.StreamReader | None, progress: Progress) -> list[str]:
    output: deque[str] = deque(maxlen=KEPT_LINES)
    while stream and (raw := await stream.readline()):
        line = raw.decode("utf-8", "replace").strip()
        if event := progress_of(line):
            progress(*event)
        elif line:
            output.append(clean(line))
    return list(output)


async def _interrupt(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    try:
        await asyncio.wait_for(process.wait(), PATIENCE_SECONDS)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
