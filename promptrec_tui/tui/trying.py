"""The scorer of the Try pane: one child process, kept until a query is about another run."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from promptrec_tui.errors import UserError

if TYPE_CHECKING:
    from promptrec_tui.workspace.opening import Workspace
    from promptrec_tui.workspace.runs import RunRow
    from promptrec_tui.workspace.scoring import Labelling, Ranking, Scorer

A = TypeVar("A", bound="Ranking | Labelling")
"""The kind of an answer."""


@dataclass(frozen=True)
class Tried(Generic[A]):
    """Two answers to one query; `problem` says why there is no tuned one."""

    untuned: A
    tuned: A | None
    problem: str = ""


class Trier:
    """Keeps the scorer of the last queried run. Belongs to one thread, but any thread may close it.

    Its queries raise UserError when the scorer cannot answer at all.
    """

    def __init__(self) -> None:
        self._scorer: Scorer | None = None
        self._of = ""

    def recommend(self, workspace: "Workspace", run: "RunRow", history: list[str]) -> "Tried[Ranking]":
        """The best items, untuned and tuned: as many as the metrics of the run count."""
        from promptrec_tui.workspace.scoring import counted_items

        scorer, k = self._scorer_of(workspace, run), counted_items(workspace, run.id)
        return _both(lambda untuned: scorer.top_k(history, k=k, untuned=untuned))

    def blend(self, workspace: "Workspace", run: "RunRow", history: list[str]) -> "Ranking | None":
        """As many by the run's blend; None where it has none. The first answer may take minutes."""
        from promptrec_tui.workspace.blends import has_blend
        from promptrec_tui.workspace.scoring import counted_items

        if not has_blend(workspace, run.id):
            return None
        k = counted_items(workspace, run.id)
        return self._scorer_of(workspace, run).top_k(history, k=k, blend=True)

    def classify(self, workspace: "Workspace", run: "RunRow", text: str) -> "Tried[Labelling]":
        """The label of a text, untuned and tuned."""
        scorer = self._scorer_of(workspace, run)
        return _both(lambda untuned: scorer.classify([text], untuned))

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


def _both(ask: Callable[[bool], A]) -> Tried[A]:
    """The answers of the untuned model and, if there is one, of the tuned."""
    untuned = ask(True)
    try:
        return Tried(untuned, ask(False))
    except UserError as error:
        return Tried(untuned, None, str(error))
