"""The scorer's process: `python -m promptrec_tui.serving.stdio RUN_ID`, one JSON line in, one JSON line out.

First it says that it is ready, or why not. Then it answers each request (`serving/messages.py`) with the
adapter that the run has by then. It ends with its input, after 10 idle minutes, or when a run wants its GPU;
while a run has that GPU, it answers on the CPU.
"""

import os
import sys
import threading
import traceback
from typing import IO, TYPE_CHECKING, Any

from promptrec_tui.errors import UserError
from promptrec_tui.home import find_home
from promptrec_tui.runs.base_models import placed_spec
from promptrec_tui.runs.folder import find
from promptrec_tui.runs.liveness import Lock
from promptrec_tui.serving.messages import Answer, Ready, Refusal, read_object, read_request, write
from promptrec_tui.tuning.answer_lines import answer_stream
from promptrec_tui.tuning.gpu_lease import borrow, leave_when_wanted

if TYPE_CHECKING:
    from promptrec_tui.serving.loading import LoadedRun

IDLE_SECONDS = 600.0


def serve(loaded: "LoadedRun", requests: IO[str], answers: IO[str], slot: Lock | None = None) -> None:
    """Answer each line of `requests` on a line of `answers`, until they end.

    No request ends it: what cannot be answered gets a sentence. `slot`: of the GPU that a run may want back.
    """
    from promptrec_tui.serving.loading import refreshed
    from promptrec_tui.serving.scorer import answer

    timer, busy = _idle_timer(), threading.Lock()
    if slot:
        leave_when_wanted(loaded.folder.home, slot, busy)
    for line in requests:
        timer.cancel()
        number: Any = None
        said: Answer | Refusal
        with busy:
            try:
                asked = read_object(line)
                number = asked.get("id")
                request = read_request(asked)
                loaded = refreshed(loaded)
                said = answer(loaded, request)
            except UserError as error:
                said = Refusal(str(error))
            except Exception as error:
                traceback.print_exc()
                said = Refusal(f"Unexpected {type(error).__name__} in the scorer; see its log.")
            _say(answers, write(said, id=number))
        timer = _idle_timer()
    timer.cancel()


def _idle_timer() -> threading.Timer:
    timer = threading.Timer(IDLE_SECONDS, os._exit, [0])
    timer.daemon = True
    timer.start()
    return timer


def _say(answers: IO[str], line: str) -> None:
    answers.write(line + "\n")
    answers.flush()


def main(run_id: str) -> int:
    """Load, say so, and serve."""
    os.umask(0o077)
    answers = answer_stream()
    try:
        folder = find(find_home(), run_id)
        device, slot = borrow(folder.home, placed_spec(folder).settings.run)
        # Here and not above: `borrow` sets the environment that torch reads when it is imported.
        from promptrec_tui.serving.loading import load

        loaded = load(folder, device)
    except UserError as error:
        _say(answers, write(Refusal(str(error))))
        return 1
    except Exception as error:
        traceback.print_exc()
        unexpected = f"Unexpected {type(error).__name__} while loading; see the scorer's log."
        _say(answers, write(Refusal(unexpected)))
        return 1
    _say(answers, write(Ready(loaded.device, loaded.adapter_name)))
    with open(sys.stdin.fileno(), encoding="utf-8", errors="replace", closefd=False) as requests:
        serve(loaded, requests, answers, slot)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
