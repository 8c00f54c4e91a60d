"""The process that fits a blend for a finished run: `python -m promptrec_tui.tuning.blend_fit RUN_ID`.

It writes lines `{"done", "total", "name"}` and, last, `{"weights", "shares", "held_out", "chosen", "users",
"gain"}` or `{"error"}`. The run gets `result/blend.json`, and its report the figures.
"""

import sys
from dataclasses import asdict
from typing import Any

from promptrec_tui.errors import UserError
from promptrec_tui.evaluation.report import with_blend
from promptrec_tui.files import write_json
from promptrec_tui.home import find_home
from promptrec_tui.runs.base_models import placed_spec
from promptrec_tui.runs.events import Event, WarningEvent
from promptrec_tui.runs.folder import RunFolder, find
from promptrec_tui.runs.phases import MODEL, Phase
from promptrec_tui.runs.report import read_report
from promptrec_tui.text import clean
from promptrec_tui.tuning.answer_lines import Say, answer_lines
from promptrec_tui.tuning.gpu_lease import borrow
from promptrec_tui.tuning.journal import Journal
from promptrec_tui.tuning.requests import RequestInbox


class PipeJournal(Journal):
    """Writes phases to the parent process and keeps warnings; the run's own events stay as they are."""

    def __init__(self, folder: RunFolder, say: Say) -> None:
        self.folder, self.attempt, self.step = folder, 0, 0
        self.warnings: list[str] = []
        self._say = say

    def write(self, event: Event) -> None:
        if isinstance(event, WarningEvent):
            self.warnings.append(event.message)

    def phase(
        self, phase: Phase, done: int | None = None, total: int | None = None, message: str = ""
    ) -> None:
        self._say({"done": done or 0, "total": total or 0, "name": message or phase.title})

    def detail(self, message: str, at_once: bool = False) -> None:
        self._say({"done": 0, "total": 0, "name": message})

    def alive(self) -> None:
        """There is no heartbeat: the parent process reads the progress."""


def fit(folder: RunFolder, device: str, say: Say) -> dict[str, Any]:
    """Fit and judge the blend of a run's adapter, and write it. The last line of the process.

    Raises UserError for a run without figures of its tuned model, and where there can be no blend.
    """
    # Imported here, because torch reads environment variables that `borrow` sets.
    from promptrec_tui.models.loading import choose_device, choose_dtype
    from promptrec_tui.tuning.adapters import check_result
    from promptrec_tui.tuning.jobs.job import open_job

    spec, report, journal = placed_spec(folder), read_report(folder), PipeJournal(folder, say)
    name = clean(spec.name)
    if not report.get("metrics", {}).get("after"):
        raise UserError(
            f"Run {name!r} has no figures of its tuned model: let it finish, or evaluate it with "
            f"\"promptrec run resume '{name}' --evaluate\"."
        )
    check_result(folder)
    job = open_job(spec, folder.home, journal, RequestInbox(journal))
    journal.phase(MODEL, message=f"Loading {clean(spec.model.name)}")
    torch_device = choose_device(device)
    tuned = job.load(torch_device, choose_dtype(spec.settings.train.precision, torch_device))
    tuned.exchange(folder.adapter)
    tuned.model.eval()
    blended = job.blend()
    if blended is None:
        raise UserError(journal.warnings[-1] if journal.warnings else f"Run {name!r} cannot be blended.")
    ranks, seed = blended.ranks, spec.settings.train.seed
    report = with_blend(report, job.metrics, ranks, blended.mixture_ranks, seed)
    write_json(folder.blend, blended.blend.to_json())
    write_json(folder.report, report)
    parts = asdict(blended.blend)
    return {**parts, "gain": report["metrics"]["gain"]["blend"]}


def main(run_id: str) -> int:
    """Fit the blend of one run."""

    def answer(say: Say) -> dict[str, Any]:
        folder = find(find_home(), run_id)
        # The lock of a GPU is held until the process ends.
        device, _slot = borrow(folder.home, placed_spec(folder).settings.run)
        return fit(folder, device, say)

    return answer_lines("fitting a blend", answer)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
