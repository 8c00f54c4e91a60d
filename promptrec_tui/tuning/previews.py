"""Recommendations to a few pinned users, shown to people as previews."""

from collections.abc import Sequence

from promptrec_tui.datasets.dataset import Item
from promptrec_tui.runs.events import PreviewUser, Shown
from promptrec_tui.tasks.next_item import NextItem
from promptrec_tui.tokentree.evidence import Evidence
from promptrec_tui.tokentree.places import NotANumberError, rank_in, top_of
from promptrec_tui.tokentree.ranker import Ranker
from promptrec_tui.tuning.probabilities import chances
from promptrec_tui.tuning.ranking import Case

PREVIEW_USERS = 5
PREVIEW_SECONDS = 30.0
"""Seconds after which the remaining previews are left out, with a warning."""


def preview(
    ranker: Ranker,
    task: NextItem,
    items: Sequence[Item],
    case: Case,
    k: int,
    exclude_seen: bool,
    sweep: bool = False,
    temperature: float = 1.0,
    evidence: Evidence | None = None,
) -> PreviewUser:
    """One user of a `preview` event: the titles in the prompt, the target and its rank, the top k.

    `temperature`: of the probabilities, where scores are such.
    `sweep`: score all titles at once. An untuned model has no strong preference, so a best-first search would
    visit most titles anyway, some of them twice.
    `evidence`: of a blend, whose scores are no probabilities.
    """
    prompt = task.prompt(case.history)
    left_out = case.excluded(exclude_seen)
    if sweep:
        scores = ranker.scores(prompt.token_ids, left_out, evidence)
        rank, top = rank_in(scores, case.target), top_of(scores, k)
    else:
        rank = ranker.rank_of(prompt.token_ids, case.target, left_out, evidence=evidence)
        try:
            top = ranker.top_k(prompt.token_ids, k, left_out, evidence)
        except NotANumberError:
            # If the weights are not finite, training will end by itself; until then there is nothing to show.
            top = []
    probabilities = [None] * len(top) if evidence else chances(ranker, prompt.token_ids, top, temperature)
    return PreviewUser(
        user=case.user,
        history=tuple(items[item].title for item in case.history[prompt.dropped :]),
        target=items[case.target].title,
        rank=rank,
        top=tuple(
            Shown(items[item].key, items[item].title, logprob, probability)
            for (item, logprob), probability in zip(top, probabilities, strict=True)
        ),
    )
