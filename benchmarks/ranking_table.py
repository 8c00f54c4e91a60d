"""The records of `ranking.py` as the tables of RESULTS.md."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import mean, median

from ranking_bench import BEAMS, CLOSE, K, Sizes
from results import table, verdict
from store import Record, Store


@dataclass(frozen=True)
class Column:
    """The measurements of one model."""

    name: str
    titles: int
    inner: int
    sizes: Sizes
    store: Store
    asked: list[str]
    everyone_asked: list[str]
    warm: Record
    """How `warm_model.py` trained it."""

    @property
    def users(self) -> list[Record]:
        """Those with all titles scored by brute force."""
        return self.store.stage("users", self.asked)

    @property
    def searched(self) -> list[Record]:
        """Those of them that naive forwards and beams ran for."""
        return [record for record in self.users if "searched" in record]

    @property
    def ranked(self) -> list[Record]:
        """Those of them whose target was ranked, all scores beside it."""
        return [record for record in self.users if "ranked" in record]

    @property
    def everyone(self) -> list[Record]:
        """All users, for the capped rank."""
        return self.store.stage("everyone", self.everyone_asked)

    @property
    def naive(self) -> Record:
        """Naive forwards over all titles, for one user."""
        return self.store.stage("naive", self.asked)[0]

    def best_titles_found(self, count: int) -> float:
        """How many of the true 10 best titles that number of beams finds, on average."""
        return mean(record["searched"]["beams"][str(count)][1] for record in self.searched)


def _naive(record: Record) -> float:
    return float(record["searched"]["naive"])


def _beams(count: int) -> Callable[[Record], float]:
    return lambda record: float(record["searched"]["beams"][str(count)][0])


def _small(record: Record) -> float:
    return float(record["searched"]["small"])


def _top(record: Record) -> float:
    return float(record["top"])


def _brute(record: Record) -> float:
    return float(record["brute"])


def _scores(record: Record) -> float:
    return float(record["ranked"]["scores"])


def _rank(record: Record) -> float:
    return float(record["ranked"]["rank"])


def _ratio(
    records: Sequence[Record], one: Callable[[Record], float], other: Callable[[Record], float]
) -> float:
    """The ratio of two medians over the same users."""
    return median(map(one, records)) / median(map(other, records))


def _counted(kinds: Sequence[str]) -> str:
    same, tied = kinds.count("same"), kinds.count("tied")
    note = f" ({tied} with neighbours closer than {CLOSE:g} nats in each other's place)" if tied else ""
    return f"{same + tied} of {len(kinds)}{note}"


def _naive_times(column: Column) -> str:
    times = _ratio(column.searched, _naive, _top)
    return verdict(f"{times:,.0f} times", times >= 1000)


def _beam_times(column: Column) -> str:
    times = _ratio(column.searched, _beams(BEAMS[0]), _top)
    return verdict(
        f"{times:.1f} times; beams find {column.best_titles_found(BEAMS[0]):.2f} of 10", times >= 3
    )


def _more_beams(count: int) -> Callable[[Column], str]:
    def cell(column: Column) -> str:
        times = _ratio(column.searched, _beams(count), _top)
        return f"{times:.1f} times; beams find {column.best_titles_found(count):.2f} of 10"

    return cell


def _identical(column: Column) -> str:
    kinds = [record["same"] for record in column.users]
    return verdict(_counted(kinds), "different" not in kinds)


def _equal(column: Column) -> str:
    return f"{column.naive['difference']:.1e} nats"


def _growth(column: Column) -> str:
    times = _ratio(column.searched, _top, _small)
    return verdict(f"{times:.2f} times", times <= 1.2)


def _scores_naive(column: Column) -> str:
    both = [record for record in column.searched if "ranked" in record]
    times = _ratio(both, _naive, _scores)
    return verdict(f"{times:.1f} times", times >= 20)


def _scores_cached(column: Column) -> str:
    times = _ratio(column.ranked, _brute, _scores)
    return verdict(f"{times:.2f} times", times >= 1)


def _scores_memory(column: Column) -> str:
    growth = column.store.records["memory"]["scores"]["growth"]
    return verdict(f"{growth:.0f} MB", growth <= 300)


def _scores_equal(column: Column) -> str:
    return f"{max(record['ranked']['difference'] for record in column.ranked):.1e} nats"


def _capped(column: Column) -> str:
    times = mean(record["rank"] for record in column.everyone) / mean(map(_top, column.everyone))
    return verdict(f"{times:.2f} times, {len(column.everyone)} users", times <= 1.1)


def _capped_identical(column: Column) -> str:
    kinds = [record["ranked"]["same_capped"] for record in column.ranked]
    return verdict(_counted(kinds), "different" not in kinds)


def _uncapped(column: Column) -> str:
    times = mean(map(_rank, column.ranked)) / mean(map(_scores, column.ranked))
    return verdict(f"{times:.2f} times, {len(column.ranked)} users", times <= 1.25)


def _uncapped_identical(column: Column) -> str:
    return _counted([record["ranked"]["same"] for record in column.ranked])


def _nodes(column: Column) -> str:
    nodes = [record["nodes"] for record in column.users]
    return f"median {median(nodes):,.0f}, most {max(nodes):,} of {column.inner:,}"


GOALS: tuple[tuple[str, str, Callable[[Column], str]], ...] = (
    ("exact top-10 against naive forwards", "at least 1,000 times faster", _naive_times),
    (f"against HF generate, {BEAMS[0]} beams", "at least 3 times faster", _beam_times),
    *((f"against HF generate, {count} beams", "–", _more_beams(count)) for count in BEAMS[1:]),
    ("users whose top-10 is that of brute force", "all", _identical),
    ("brute force against naive forwards, all titles, one user", "–", _equal),
    ("cost of `top_k` against a sample of 1,000 titles", "at most 1.2 times", _growth),
    ("nodes that `top_k` reads", "–", _nodes),
    ("`scores` against naive forwards", "at least 20 times faster", _scores_naive),
    ("`scores` against the cached prompt in batches", "never slower", _scores_cached),
    ("`scores`: peak memory above the loaded model", "at most 300 MB", _scores_memory),
    ("`scores`: largest difference from brute force", "–", _scores_equal),
    (f"`rank_of`, cap {K}: mean against that of `top_k`", "at most 1.1 times", _capped),
    (f"`rank_of`, cap {K}: users as by brute force", "all", _capped_identical),
    ("`rank_of`, uncapped: mean against that of `scores`", "at most 1.25 times", _uncapped),
    ("`rank_of`, uncapped: users as by brute force", "–", _uncapped_identical),
)


def lines(columns: Sequence[Column]) -> list[str]:
    """The tables and their conditions."""
    goals = [[name, goal, *(cell(column) for column in columns)] for name, goal, cell in GOALS]
    times = [
        ("naive forwards (a sample, scaled)", lambda column: median(map(_naive, column.searched))),
        ("naive forwards (all titles, one user)", lambda column: column.naive["seconds"]),
        ("cached prompt, batches", lambda column: median(map(_brute, column.users))),
        ("`scores`", lambda column: median(map(_scores, column.ranked))),
        *(
            (
                f"HF generate, {count} beams",
                lambda column, count=count: median(map(_beams(count), column.searched)),
            )
            for count in BEAMS
        ),
        ("`top_k`", lambda column: median(map(_top, column.users))),
        ("`rank_of`, uncapped (mean)", lambda column: mean(map(_rank, column.ranked))),
        (f"`rank_of`, cap {K} (mean)", lambda column: mean(record["rank"] for record in column.everyone)),
    ]
    names = [column.name for column in columns]
    seconds = [[name, *(f"{value(column):.3f}" for column in columns)] for name, value in times]
    return [
        *table(["figure", "goal", *names], goals),
        "",
        *table(["seconds a user", *names], seconds),
        "",
        *(line for column in columns for line in (_how(column), "")),
    ]


def _how(column: Column) -> str:
    sizes, tokens = column.sizes, [record["tokens"] for record in column.users]
    short = sum(not record["usual"] for record in column.everyone)
    batch = column.store.records["setup"]["naive"]["batch"]
    sittings = len(column.store.sittings)
    warm = column.warm
    trained = f"{warm['steps']} steps" if warm["steps"] else f"a run ({warm['adapter']})"
    loss = f", last loss {warm['last_loss']:.2f} a token" if warm["last_loss"] else ""
    return (
        f"{column.name}: {warm['parameters']:,} weights, tuned by {trained}{loss}; "
        f"{column.titles:,} distinct titles; {len(column.users)} users, prompts of "
        f"{min(tokens)} to {max(tokens)} tokens (median {median(tokens):.0f}). Brute force is batches of 64 "
        f"titles after the cached prompt. Naive forwards ran on {sizes.sample} titles for each of "
        f"{len(column.searched)} users, {batch} at a time (the fastest of four sizes), scaled to all titles; "
        "beams on the same users, with the seen titles left out of their constraint, whose making is not "
        f"counted. Of the {len(column.everyone)} users of the capped rank {short} have prompts shorter than "
        "200 tokens, having chosen too little. Medians, but where a mean is named. Measured in "
        f"{sittings} sitting{'s' if sittings > 1 else ''}."
    )
