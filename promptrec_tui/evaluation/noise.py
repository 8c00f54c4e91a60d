"""How far metrics depend on score differences below the numerical noise of the precision."""

from collections.abc import Mapping, Sequence
from typing import Any


def doubts(ranks: Sequence[tuple[float, float]], k: int) -> dict[str, int]:
    """Of users whose targets' best and worst possible ranks are given: how many ranks could be others
    ("users"), and how many targets could move in or out of the first `k` ("hits")."""
    return {
        "users": sum(best < worst for best, worst in ranks),
        "hits": sum(best <= k < worst for best, worst in ranks),
    }


def noise_report(
    nats: float,
    precision: str,
    k: int,
    users: int,
    before: Sequence[tuple[float, float]] | None,
    after: Sequence[tuple[float, float]] | None,
) -> dict[str, Any]:
    """The report's "noise", with a sentence for the user; ranks as in `doubts`, None where not measured."""
    counted = {
        name: None if ranks is None else doubts(ranks, k)
        for name, ranks in (("before", before), ("after", after))
    }
    return {
        "nats": nats,
        "users": users,
        **counted,
        "sentence": _sentence(nats, precision, k, users, counted),
    }


def _sentence(
    nats: float, precision: str, k: int, users: int, counted: Mapping[str, Mapping[str, int] | None]
) -> str:
    parts = [
        f"{counts['users']} {model} ({counts['hits']} of them across rank {k})"
        for model, counts in (("untuned", counted["before"]), ("tuned", counted["after"]))
        if counts
    ]
    if not parts:
        return ""
    return (
        f"In {precision} a score may be off by {nats:.2g} nats, so that ranks of the {users} test users "
        f"are uncertain: {', '.join(parts)}."
    )
