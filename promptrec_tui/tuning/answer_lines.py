"""The frame of a child process that answers its parent in lines of JSON on stdout."""

import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from promptrec_tui.errors import UserError

Say = Callable[[Mapping[str, Any]], None]
"""Writes one line."""


def answer_stream() -> TextIO:
    """The process's stdout for its answers alone: what libraries print goes to stderr from now on."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answers


def answer_lines(work: str, answer: Callable[[Say], Mapping[str, Any]]) -> int:
    """Write what `answer` says on its way and, last, what it returns. The exit status of the process.

    The last line is `{"error"}` where it raises; `work`: what it does, for errors that nobody expects.
    """
    os.umask(0o077)
    stream = answer_stream()

    def say(value: Mapping[str, Any]) -> None:
        stream.write(json.dumps(value, ensure_ascii=False) + "\n")
        stream.flush()

    try:
        say(answer(say))
    except UserError as error:
        say({"error": str(error)})
        return 1
    except Exception as error:
        traceback.print_exc()
        say({"error": f"Unexpected {type(error).__name__} while {work}: {error}"})
        return 1
    return 0
