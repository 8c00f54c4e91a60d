"""Draw the SIMULATED users of the sample data: films.csv + series.csv -> interactions.csv.

    python sample_data/simulate.py

The films are real, the users are not: every event below is drawn from the preference model described here, so
the numbers of the sample run say how well a method recovers this model and nothing about people.

User u's next event is film i, among the films not yet seen, with probability proportional to exp(utility):

    utility(u, i) = popularity(i)                                        heavy-tailed, drawn by chance
                  + (1 - w) * taste(first group of u, i) + w * taste(second group of u, i)
                  + personal(u, i)
                  + pull(i, last film) + pull(i, last but one) / 2 + pull(i, last but two) / 4
                  + SEQUEL, if i is the part that follows a part already seen

taste    weights of a group for genre, director, decade and language, plus a cult term of that group for that
         very film, which no column of the catalogue explains: only the events of others give it away
w        0 at the first event, 1 at the last: everyone drifts from one group to another
personal weights of the user alone for the same columns
pull     shared genres, directors, decade and language with the films just seen: people watch in runs

The script prints how hard the result is (leave-one-out, whole catalogue, seen films removed, ties shared):
popularity, item-kNN and the preference model itself, which no recommender can beat but by luck.
"""

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]

HERE = Path(__file__).resolve().parent
SEED = 20240607
USERS = 1200
EVENTS = (15, 60)  # fewest and most events of a user
GROUPS = 8

POPULARITY = 0.8  # exponent of the Zipf law
TASTE = {"genre": 1.5, "director": 0.6, "decade": 0.8, "language": 1.1}  # spread of a group's weights
CULT = 1.1  # spread of a group's liking for single films
PERSONAL = 0.3  # a user's own weights, as a share of TASTE
PULL = {"genre": 0.9, "director": 0.8, "decade": 0.3, "language": 0.4}
SEQUEL = 1.0


def read(name: str) -> list[dict[str, str]]:
    with open(HERE / name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def labels(film: dict[str, str], column: str) -> list[str]:
    """The labels of a film in one column of the preference model."""
    if column == "decade":
        return [film["year"][:3] + "0s"]
    return film["genres" if column == "genre" else column].split("|")


def one_hot(films: list[dict[str, str]], column: str) -> Array:
    """Films x labels, every row of length one, so that a film of three genres is not liked three times."""
    names = sorted({label for film in films for label in labels(film, column)})
    table = np.zeros((len(films), len(names)))
    for row, film in enumerate(films):
        for label in labels(film, column):
            table[row, names.index(label)] = 1
    unit: Array = table / np.sqrt(table.sum(axis=1, keepdims=True))
    return unit


def successors(films: list[dict[str, str]]) -> list[list[int]]:
    """For every film the rows of all later parts of its series, the next one first."""
    rows = {film["title"]: row for row, film in enumerate(films)}
    parts: dict[str, list[tuple[int, int]]] = {}
    for line in read("series.csv"):
        parts.setdefault(line["series"], []).append((int(line["part"]), rows[line["title"]]))
    later: list[list[int]] = [[] for _ in films]
    for members in parts.values():
        for part, row in members:
            later[row] = [other for number, other in sorted(members) if number > part]
    return later


def rank(scores: Array, target: int) -> float:
    """1 + better + equal / 2; seen films carry -inf and never count."""
    better = int((scores > scores[target]).sum())
    equal = int((scores == scores[target]).sum()) - 1
    return 1 + better + equal / 2


def draw(
    films: list[dict[str, str]], later: list[list[int]]
) -> tuple[list[list[Any]], list[list[int]], list[float]]:
    """The rows of interactions.csv, every user's films in order, the true model's rank of every last film."""
    random = np.random.default_rng(SEED)
    n = len(films)
    columns = {column: one_hot(films, column) for column in TASTE}
    popularity = -POPULARITY * np.log(random.permutation(n) + 10.0)
    taste = CULT * random.normal(size=(GROUPS, n))
    for column, table in columns.items():
        taste += TASTE[column] * random.normal(size=(GROUPS, table.shape[1])) @ table.T
    pull = sum((PULL[column] * table @ table.T for column, table in columns.items()), start=np.zeros((n, n)))

    rows: list[list[Any]] = []
    histories: list[list[int]] = []
    ceiling: list[float] = []
    for user in range(USERS):
        first, second = random.choice(GROUPS, size=2, replace=False)
        personal = np.zeros(n)
        for column, table in columns.items():
            personal += PERSONAL * TASTE[column] * table @ random.normal(size=table.shape[1])
        length = int(random.integers(EVENTS[0], EVENTS[1] + 1))
        clock = datetime(2015, 1, 1, tzinfo=UTC).timestamp() + random.integers(6 * 365 * 86400)
        seen: list[int] = []
        for position in range(length):
            w = position / (length - 1)
            liking = (1 - w) * taste[first] + w * taste[second] + personal
            utility = popularity + liking
            for back, film in enumerate(reversed(seen[-3:])):
                utility = utility + pull[film] / 2**back
            for film in seen:
                if later[film]:
                    utility[later[film][0]] += SEQUEL
            utility[seen] = -np.inf
            # Rounded, so that another machine's last bits draw the same film.
            chances = np.exp(np.round(utility - utility.max(), 6)).cumsum()
            film = int(np.searchsorted(chances, random.random() * chances[-1], side="right"))
            if position == length - 1:
                ceiling.append(rank(utility, film))
            # Two of three events follow within hours, the others within days or weeks.
            clock += 5400 + random.exponential(4 * 3600 if random.random() < 0.66 else 9 * 86400)
            standing = (liking[film] - liking.mean()) / liking.std()
            stars = 2.9 + 0.55 * standing + 0.6 * random.normal()
            rating = min(max(round(2 * stars) / 2, 0.5), 5.0)
            rows.append([f"u{user + 1:04}", films[film]["film_id"], f"{rating:.1f}", int(clock)])
            seen.append(film)
        histories.append(seen)
    return rows, histories, ceiling


def baseline_ranks(histories: list[list[int]], n: int) -> tuple[list[float], list[float]]:
    """Ranks of the last films by popularity and by item-kNN (0.8 a step back), on the events before them."""
    matrix = np.zeros((len(histories), n))
    for user, films in enumerate(histories):
        matrix[user, films[:-1]] = 1
    counts = matrix.sum(axis=0)
    norms = np.sqrt(np.maximum(counts, 1))
    cosine = matrix.T @ matrix / norms / norms[:, None]
    popular, neighbours = [], []
    for user, films in enumerate(histories):
        unseen = np.where(matrix[user] > 0, -np.inf, 0)
        popular.append(rank(counts + unseen, films[-1]))
        weights = np.zeros(n)
        weights[films[:-1]] = 0.8 ** np.arange(len(films) - 2, -1, -1)
        neighbours.append(rank(weights @ cosine + unseen, films[-1]))
    return popular, neighbours


def main() -> None:
    films = read("films.csv")
    later = successors(films)
    rows, histories, ceiling = draw(films, later)
    with open(HERE / "interactions.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["user_id", "film_id", "rating", "timestamp"])
        writer.writerows(rows)

    popular, neighbours = baseline_ranks(histories, len(films))
    sequels = sum(any(films[-1] in later[film] for film in films[:-1]) for films in histories)
    print(f"Simulated: {len(histories)} users, {len(rows)} events, {len(films)} films.\n")
    print("| leave-one-out, whole catalogue, seen films removed | HR@10 | NDCG@10 |\n|---|---|---|")
    for name, ranks in [("popularity", popular), ("item-kNN", neighbours), ("the preference model", ceiling)]:
        top = [r for r in ranks if r <= 10]
        gain = sum(1 / np.log2(r + 1) for r in top)
        print(f"| {name} | {len(top) / len(ranks):.3f} | {gain / len(ranks):.3f} |")
    print(f"\nTest targets that continue a seen film's series: {sequels / len(histories):.3f}")


if __name__ == "__main__":
    main()
