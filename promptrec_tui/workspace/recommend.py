"""Recommendations of a run's model for a user, or for a history of titles."""

from collections.abc import Mapping, Sequence

from promptrec_tui.errors import UserError
from promptrec_tui.workspace.datasets import find_item, open_listed
from promptrec_tui.workspace.opening import Workspace
from promptrec_tui.workspace.scoring import Ranking, find_asked, open_scorer


def item_keys(workspace: Workspace, dataset: str, titles: Sequence[str]) -> list[str]:
    """Item keys of typed titles. Raises UserError with near titles for an unknown one."""
    with open_listed(workspace, dataset) as file:
        return [find_item(file, dataset, title).key for title in titles]


def user_keys(workspace: Workspace, dataset: str, user: str) -> list[str]:
    """The item keys of all interactions of a user, oldest first."""
    with open_listed(workspace, dataset) as file:
        return [row.item_key for row in file.history(file.user(user).user_id)]


def recommend(
    workspace: Workspace,
    run: str,
    *,
    user: str | None = None,
    titles: Sequence[str] = (),
    k: int = 10,
    untuned: bool = False,
    blend: bool = False,
    require: Sequence[tuple[str, str]] = (),
    exclude: Sequence[tuple[str, str]] = (),
    at_most: Mapping[str, int] | None = None,
    block: Sequence[str] = (),
    popularity_penalty: float = 0.0,
) -> Ranking:
    """The k best next items for a user of the run's dataset, or after `titles`; seen items are excluded.

    `blend`: by the model and the run's baselines together. `require`, `exclude`: pairs of an attribute and a
    value that items must have, or must not have; `at_most`: by attribute, how many items may share a value.
    `block`: titles or keys of items that are never recommended. `popularity_penalty`: as in `TopK`.

    Raises UserError for an unknown run, user or title, and for a run of another task.
    """
    row = find_asked(workspace, run, "user")
    if (user is None) == (not titles):
        raise UserError("Say for whom: either --user KEY or --history TITLE (which may be repeated).")
    if k < 1:
        raise UserError(f"-k must be at least 1, not {k}.")
    if user is not None:
        history = user_keys(workspace, row.dataset, user)
    else:
        history = item_keys(workspace, row.dataset, titles)
    blocked = item_keys(workspace, row.dataset, block)
    scorer = open_scorer(workspace, row.id)
    try:
        return scorer.top_k(
            history,
            k=k,
            untuned=untuned,
            blend=blend,
            require=require,
            exclude=exclude,
            at_most=at_most,
            block=blocked,
            popularity_penalty=popularity_penalty,
        )
    finally:
        scorer.close()
