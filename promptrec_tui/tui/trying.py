"""The scorer behind the Try pane: one child process, kept for as long as the questions are about one run."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from promptrec_tui.errors import UserError

if TYPE_CHECKING:
    from promptrec_tui.workspace.opening import Workspace
    from promptrec_tui.workspace.runs import RunRow
    from promptrec_tui.workspace.scoring import Answer, Scorer


@dataclass(frozen=True)
class Recommendations:
    """Two answers to one history; `problem` says why there is no tuned one."""

    untuned: "Answer"
    tuned: "Answer | None"
    problem: str = ""


class Trier:
    """Keeps the scorer of the run asked for last. Belongs to one thread, except that any may close it."""

    def __init__(self) -> None:
        self._scorer: Scorer | None = None
        self._of = ""

    def recommend(self, workspace: "Workspace", run: "RunRow", history: list[str], k: int) -> Recommendations:
        """The k best items untuned and tuned. Raises UserError when the scorer cannot answer at all."""
        scorer = self._scorer_of(workspace, run)
        untuned = scorer.top_k(history, k=k, untuned=True)
        try:
            return Recommendations(untuned, scorer.top_k(history, k=k))
        except UserError as error:
            return Recommendations(untuned, None, str(error))

    def close(self) -> None:
        """End the child, if there is one."""
        if self._scorer:
            self._scorer.close()
            self._scorer = None

    def _scorer_of(self, workspace: "Workspace", run: "RunRow") -> "Scorer":
        from promptrec_tui.workspace.scoring import open_scorer

        if self._scorer is None or self._of != run.id or not self._scorer.alive:
            self.close()
            self._scorer = open_scorer(workspace, run.id)
            self._of = run.id
        return self._scorer
