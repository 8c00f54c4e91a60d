"""The labels that a run's model predicts for texts."""

from collections.abc import Callable, Sequence

from promptrec_tui.errors import UserError
from promptrec_tui.workspace.opening import Workspace
from promptrec_tui.workspace.scoring import ScoredText as ScoredText
from promptrec_tui.workspace.scoring import find_asked, open_scorer

AT_ONCE = 256
"""Texts in one request; progress is reported after each request."""

Progress = Callable[[str, int, int], None]


def classify(
    workspace: Workspace,
    run: str,
    texts: Sequence[str],
    *,
    untuned: bool = False,
    progress: Progress = lambda phase, done, total: None,
) -> list[ScoredText]:
    """The label of each text and the probabilities of all labels, in the order of the texts.

    Where the texts of the run's dataset differ in several fields, each text is a JSON object of these. Raises
    UserError for an unknown run, a run of another task, and a text that the template cannot render.
    """
    row = find_asked(workspace, run, "text")
    if not texts:
        raise UserError("There is no text to classify: give TEXT, or --file FILE with a text on each line.")
    answers: list[ScoredText] = []
    scorer = open_scorer(workspace, row.id)
    try:
        for first in range(0, len(texts), AT_ONCE):
            answers += scorer.classify(texts[first : first + AT_ONCE], untuned).texts
            if len(texts) > AT_ONCE:
                progress("classifying", len(answers), len(texts))
    finally:
        scorer.close()
    return answers
