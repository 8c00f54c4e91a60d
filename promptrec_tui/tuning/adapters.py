"""A run's adapters, verified before they are used."""

from contextlib import suppress
from pathlib import Path

from promptrec_tui.errors import UserError
from promptrec_tui.files import sha256_folder
from promptrec_tui.runs.checkpoints import Checkpoint, checkpoint_path, no_adapter, verify
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.report import read_report, written_adapter
from promptrec_tui.runs.spec import RunSpec
from promptrec_tui.text import clean


def start_adapter(folder: RunFolder, spec: RunSpec) -> Path | None:
    """The adapter from which a continued run starts, its own copy of its parent's; None for any other run.

    Raises UserError when it is gone or was changed.
    """
    if spec.parent is None:
        return None
    if not folder.start.is_dir() or sha256_folder(folder.start) != spec.parent.sha256:
        raise UserError(
            f"{folder.start} is not the adapter of run {clean(spec.parent.name)!r} from which this run "
            "should start: continue that run again."
        )
    return folder.start


def kept_adapter(folder: RunFolder, last: Checkpoint | None, best: int) -> tuple[Path, int]:
    """The adapter to evaluate when no more training follows, and its step.

    It is the adapter of step `best` on validation (0: none), from its checkpoint or, after a stop, from
    `result/`; else the adapter of the `last` checkpoint; else that of `result/`. Raises UserError when there
    is none, or the only one is damaged.
    """
    if best:
        with suppress(UserError):
            return verify(checkpoint_path(folder, best)).path, best
    step = read_report(folder).get("step", 0)
    if folder.adapter.is_dir() and (last is None or step == best):
        check_result(folder)
        return folder.adapter, step
    if last is None:
        raise UserError(no_adapter(folder))
    return last.path, last.step


def check_result(folder: RunFolder) -> None:
    """Raise UserError unless the adapter of `result/` is the one that was written, bit for bit.

    A result of an earlier version, whose report has no hash, passes.
    """
    written = written_adapter(folder)
    if written and sha256_folder(folder.adapter) != written:
        raise UserError(
            f"The adapter in {folder.adapter} is damaged: it is not what the run wrote. "
            "Take it from a backup, or fork the run."
        )
