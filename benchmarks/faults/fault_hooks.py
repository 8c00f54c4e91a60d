"""Faults inside the trainer, injected by a `sitecustomize` that acts in the trainer's process only."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.faults.places import Place

IN_TRAINER = "import sys\nif 'promptrec_tui.tuning.worker' in sys.orig_argv:\n"

STUB = """
import os, time
from pathlib import Path
from promptrec_tui.runs.event_log import EventLog
from promptrec_tui.runs.events import FinishedEvent
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.states import State
folder, attempt = RunFolder(Path.cwd()), int(sys.orig_argv[-1])
with open(folder.home.root.parent / "starts", "a") as starts:
    starts.write(f"{folder.id} {attempt}\\n")
while (folder.home.root.parent / "hold").exists():
    time.sleep(0.01)
with EventLog(folder, attempt) as log:
    log.write(FinishedEvent(state=State("STATE"), reason="A stub.", step=0))
os._exit(0)
"""
"""A stub trainer that records its start, and ends when the file `hold` beside the home is removed."""

AT_STEP = """
import torch
backward, steps = torch.Tensor.backward, []
def struck(tensor, *arguments, **named):
    steps.append(1)
    if len(steps) == STEP:
        FAULT
    return backward(tensor, *arguments, **named)
torch.Tensor.backward = struck
"""

OUT_OF_GPU_MEMORY = "raise torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 2.00 GiB.')"

OUT_OF_MEMORY = """
        import resource
        pages = int(open("/proc/self/statm").read().split()[0])
        limit = pages * resource.getpagesize() + 1_000_000
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        torch.ones(1 << 28)
"""
"""From that step on the system refuses more memory, and the trainer requests some."""

CLOCK = """
import threading, time
real, ahead = time.time, [0]
time.time = lambda: real() + ahead[0]
def jump():
    for days in (1, -1, 2, -3) * 100:
        time.sleep(0.7)
        ahead[0] += 86400 * days
threading.Thread(target=jump, daemon=True).start()
"""
"""A wall clock that jumps by days."""

FILE_LIMIT = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (BYTES, BYTES))
"""


def at_step(step: int, fault: str) -> str:
    """A fault at that backward pass of the attempt."""
    return AT_STEP.replace("STEP", str(step)).replace("FAULT", fault.strip())


@contextmanager
def plugged(place: Place, code: str) -> Iterator[None]:
    """Trainers that are started within the block run `code` first."""
    folder, before = place.folder / "plug", os.environ["PYTHONPATH"]
    folder.mkdir()
    body = "".join(f"    {line}\n" for line in code.splitlines())
    (folder / "sitecustomize.py").write_text(IN_TRAINER + body)
    os.environ["PYTHONPATH"] = os.pathsep.join((str(folder), before))
    try:
        yield
    finally:
        os.environ["PYTHONPATH"] = before
        shutil.rmtree(folder)
