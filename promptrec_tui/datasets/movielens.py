"""MovieLens folders: ratings and movies as .csv (latest, 25M), .dat (1M, 10M), u.data and u.item (100K)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from promptrec_tui.datasets.delimited import Delimited, headless_table, read_delimited
from promptrec_tui.datasets.faults import shown_name
from promptrec_tui.datasets.tables import Table, Tick
from promptrec_tui.errors import UserError

PAIRS = (("ratings.csv", "movies.csv"), ("ratings.dat", "movies.dat"), ("u.data", "u.item"))
RATING_COLUMNS = ("userId", "movieId", "rating", "timestamp")
MOVIE_COLUMNS = ("movieId", "title", "genres")
GENRES = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama",
    "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip
FLAGGED_COLUMNS = ("movieId", "title", "release_date", "video_release_date", "url", *GENRES)
LEADING = len(FLAGGED_COLUMNS) - len(GENRES)


@dataclass(frozen=True)
class FlaggedFilms:
    """u.item of MovieLens 100K, its genre flags read as one field of names, as later editions write them."""

    table: Delimited
    columns: tuple[str, ...] = (*FLAGGED_COLUMNS[:LEADING], "genres")
    unit: str = "line"

    @property
    def path(self) -> Path:
        return self.table.path

    @property
    def notes(self) -> tuple[str, ...]:
        return self.table.notes

    def rows(self, tick: Tick | None = None) -> Iterator[tuple[int, list[str]]]:
        """As `Table.rows`."""
        for line, fields in self.table.rows(tick):
            names = [genre for genre, flag in zip(GENRES, fields[LEADING:], strict=True) if flag == "1"]
            yield line, [*fields[:LEADING], "|".join(names)]

    def relation(self) -> None:
        """Never: the flags are joined row by row."""


def movielens_pair(folder: Path) -> tuple[str, str] | None:
    """The names of the ratings and the movies in this folder; None when it is not one of MovieLens."""
    pairs = (pair for pair in PAIRS if all((folder / name).is_file() for name in pair))
    return next(pairs, None)


def movielens_tables(folder: Path, encoding: str | None) -> tuple[Table, Table]:
    """The ratings and the movies of a MovieLens folder; without an encoding, what is not UTF-8 is Latin-1.

    Raises UserError when either file is missing or cannot be read.
    """
    match movielens_pair(folder):
        case ("ratings.csv", _):
            csv_encoding = encoding or "utf-8"
            ratings, movies = folder / "ratings.csv", folder / "movies.csv"
            return read_delimited(ratings, csv_encoding), read_delimited(movies, csv_encoding)
        case ("ratings.dat", _):
            return (
                headless_table(folder / "ratings.dat", "::", RATING_COLUMNS, encoding),
                headless_table(folder / "movies.dat", "::", MOVIE_COLUMNS, encoding),
            )
        case ("u.data", _):
            films = headless_table(folder / "u.item", "|", FLAGGED_COLUMNS, encoding)
            return headless_table(folder / "u.data", "\t", RATING_COLUMNS, encoding), FlaggedFilms(films)
        case _:
            raise UserError(
                f"{shown_name(folder)} is not a MovieLens folder: it needs ratings.csv and movies.csv, "
                "ratings.dat and movies.dat, or u.data and u.item. For other data give the file of "
                "interactions, and --items FILE for the titles."
            )
