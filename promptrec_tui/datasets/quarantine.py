"""Readers of untrusted files, in a child process with limits: a crash there becomes one sentence here."""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from promptrec_tui.datasets.faults import shown_name
from promptrec_tui.errors import UserError

MEMORY_BYTES = 6 << 30
"""Address space, of which DuckDB reserves more than it uses."""
REFUSED = 3
"""The exit status of a reader that printed its own error."""


def read_apart(module: str, source: Path, *arguments: str) -> str:
    """What `python -m MODULE` prints of a source; the module calls `answer`.

    Source and arguments go through a pipe, because command lines are visible to all users.
    Raises UserError with the reader's own sentence, or one about its crash.
    """
    request = json.dumps([str(source.absolute()), *arguments]).encode()
    child = subprocess.run([sys.executable, "-m", module], input=request, capture_output=True, check=False)
    if child.returncode == 0:
        return child.stdout.decode()
    errors = child.stderr.decode(errors="replace").strip().splitlines()
    if child.returncode == REFUSED and errors:
        raise UserError(errors[-1])
    how = f"status {child.returncode}"
    if child.returncode < 0:
        with suppress(ValueError):
            how = signal.Signals(-child.returncode).name
    raise UserError(
        f"{shown_name(source)} made its reader end with {how}. It is probably damaged: get a fresh copy."
    )


def answer(read: Callable[[Sequence[str]], str]) -> None:
    """The main function of a reader: limit this process, call `read` with the arguments from stdin, print."""
    os.umask(0o077)
    arguments = json.load(sys.stdin)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        print(read(arguments), end="")
    except UserError as error:
        print(error, file=sys.stderr)
        raise SystemExit(REFUSED) from None
    except MemoryError:
        print(f"{shown_name(Path(arguments[0]))} takes too much memory to be read.", file=sys.stderr)
        raise SystemExit(REFUSED) from None
