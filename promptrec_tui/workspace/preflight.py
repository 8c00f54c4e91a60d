"""The check of a run before it starts."""

from promptrec_tui.runs.preflight import Preflight
from promptrec_tui.typed import build
from promptrec_tui.workspace.answers import check_answers
from promptrec_tui.workspace.child_processes import Progress, ask_child
from promptrec_tui.workspace.new_runs import NewRun, check_base, make_spec
from promptrec_tui.workspace.opening import Workspace


def check_run(workspace: Workspace, new: NewRun, progress: Progress | None = None) -> Preflight:
    """Load the model of a new run, compute its largest step and one evaluation, and start nothing.

    Raises UserError where the run could not start.
    """
    spec = make_spec(workspace, new)
    check_base(workspace, spec)
    check_answers(workspace, spec)
    reply = ask_child(
        workspace,
        "promptrec_tui.tuning.preflight",
        request=spec.model_dump(mode="json"),
        log="check.log",
        work="check of the run",
        progress=progress,
    )
    return build(Preflight, reply)
