"""Waiting for a run, with its progress on stderr."""

import sys
import time

from promptrec_tui.cli.output import bar, show
from promptrec_tui.cli.streams import write_over
from promptrec_tui.text import metric_text
from promptrec_tui.workspace import runs
from promptrec_tui.workspace.opening import Workspace

ENDED = frozenset({"done", "stopped", "paused", "failed", "interrupted"})
POLL_SECONDS = 0.5


def wait_for(workspace: Workspace, run: str) -> None:
    """Wait until the run has ended. Ctrl+C ends the wait only, not the run."""
    terminal = sys.stderr.isatty()
    last, shown_at = "", 0.0
    while True:
        row = runs.current(workspace, run)
        line = progress_line(row)
        # A log file gets a line every few seconds, a terminal one line that changes in place.
        if line != last and (terminal or time.monotonic() - shown_at > 5 or row.state in ENDED):
            if terminal:
                write_over(line)
            else:
                print(line, file=sys.stderr, flush=True)
            last, shown_at = line, time.monotonic()
        if row.state in ENDED:
            if terminal:
                print(file=sys.stderr)
            return
        time.sleep(POLL_SECONDS)


def progress_line(row: runs.RunRow) -> str:
    """State, phase and its progress, the last loss and the best value of the leading metric."""
    training = row.phase == "training"
    done = row.step if training else row.phase_done
    total = row.total_steps if training else row.phase_total
    parts = [bar(f"{row.state} {row.phase or ''}".strip(), done or 0, total or 0)]
    if row.train_loss is not None:
        parts.append(f"loss {show(row.train_loss)}")
    if row.best_value is not None:
        parts.append(f"best validation {metric_text(row.best_metric)} {show(row.best_value)}")
    return "  ".join(parts)
