"""Check the film catalogue in films.csv and series.csv beside this file.

Run:  python sample_data/check_films.py

Prints the counts, then one line per problem; exits 1 if there is any problem.
"""

from __future__ import annotations

import csv
import re
import sys
import unicodedata
from collections import Counter, defaultdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
FILM_HEADER = ["film_id", "title", "year", "genres", "director", "countries", "language"]
SERIES_HEADER = ["title", "series", "part"]
# fmt: off
GENRES = {
    "Drama", "Comedy", "Action", "Crime", "Thriller", "Romance", "Science Fiction", "Fantasy", "Horror",
    "Animation", "War", "Western", "Musical", "Documentary", "Mystery", "Adventure", "Family",
    "Martial Arts", "History", "Biography",
}
# fmt: on
CHINESE = {"Mandarin", "Cantonese", "Hokkien"}
HAN = re.compile(r"[\u4e00-\u9fff]")
MIN_FILMS, MIN_CHINESE = 600, 100
Row = dict[str, str]


def read(name: str, header: list[str], problems: list[str]) -> list[Row]:
    """Read a CSV file as dictionaries, reporting a wrong header or ragged rows."""
    with (HERE / name).open(encoding="utf-8", newline="") as handle:
        lines = list(csv.reader(handle))
    if not lines or lines[0] != header:
        problems.append(f"{name}: header is not {','.join(header)}")
    problems += [f"{name}: wrong number of fields: {x}" for x in lines[1:] if len(x) != len(header)]
    return [dict(zip(header, x, strict=True)) for x in lines[1:] if len(x) == len(header)]


def plain(text: str) -> str:
    """Text without case, accents, spacing and punctuation, for finding near duplicates."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in letters if c.isalnum()) or text


def check_films(films: list[Row], problems: list[str]) -> None:
    """Check every row of films.csv, and the rows against each other."""
    titles: dict[str, str] = {}
    names: dict[str, set[str]] = defaultdict(set)
    for film_id, times in Counter(f["film_id"] for f in films).items():
        if times > 1:
            problems.append(f"{film_id}: id used {times} times")
    for film in films:
        where = f"{film['film_id']} {film['title']}"
        problems += [f"{where}: {k} empty or padded" for k, v in film.items() if not v or v != v.strip()]
        if not (film["year"].isdecimal() and 1895 <= int(film["year"]) <= 2026):
            problems.append(f"{where}: year {film['year']}")
        for key in ("genres", "countries"):
            values = film[key].split("|")
            if not 1 <= len(values) <= 3 or len(set(values)) < len(values) or not all(values):
                problems.append(f"{where}: {key} {film[key]}")
        problems += [f"{where}: unknown genre {g}" for g in film["genres"].split("|") if g not in GENRES]
        if film["language"] not in CHINESE and HAN.search(film["title"]):
            problems.append(f"{where}: Chinese title, language {film['language']}")
        key = plain(film["title"])
        if key in titles:
            problems.append(f"{where}: title like {titles[key]}")
        titles[key] = where
        names[plain(film["director"])].add(film["director"])
    problems += [f"director spelled {' / '.join(sorted(n))}" for n in names.values() if len(n) > 1]


def check_series(series: list[Row], films: list[Row], problems: list[str]) -> None:
    """Check that series titles exist, parts run 1, 2, 3 and years never go back."""
    years = {f["title"]: f["year"] for f in films}
    parts: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for title, times in Counter(s["title"] for s in series).items():
        if times > 1 or title not in years:
            problems.append(f"series.csv: {title}: " + ("listed twice" if times > 1 else "no such film"))
    for row in series:
        parts[row["series"]].append((row["part"], years.get(row["title"], "")))
    for name, entries in parts.items():
        entries.sort(key=lambda pair: int(pair[0]) if pair[0].isdecimal() else 0)
        if len(entries) < 2 or [p for p, _ in entries] != [str(n + 1) for n in range(len(entries))]:
            problems.append(f"series.csv: {name}: parts {[p for p, _ in entries]}")
        if [y for _, y in entries] != sorted(y for _, y in entries):
            problems.append(f"series.csv: {name}: years out of order {[y for _, y in entries]}")


def main() -> int:
    """Run every check, print counts and problems, and return the exit status."""
    problems: list[str] = []
    films = read("films.csv", FILM_HEADER, problems)
    series = read("series.csv", SERIES_HEADER, problems)
    check_films(films, problems)
    check_series(series, films, problems)
    chinese = sum(f["language"] in CHINESE and bool(HAN.search(f["title"])) for f in films)
    often = sum(times >= 3 for times in Counter(f["director"] for f in films).values())
    sequels = sum(s["part"] != "1" for s in series)
    if len(films) < MIN_FILMS:
        problems.append(f"only {len(films)} films, want {MIN_FILMS}")
    if chinese < MIN_CHINESE:
        problems.append(f"only {chinese} films with Chinese titles, want {MIN_CHINESE}")
    print(f"films {len(films)}, Chinese films {chinese}, directors with 3+ films {often}, sequels {sequels}")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
