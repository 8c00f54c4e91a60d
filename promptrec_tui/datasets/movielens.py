"""MovieLens folders: ratings.csv and movies.csv, or ratings.dat and movies.dat with `::` between fields."""

from pathlib import Path

from promptrec_tui.datasets.tables import Table, headless_table, read_table, shown_name
from promptrec_tui.errors import UserError

PAIRS = (("ratings.csv", "movies.csv"), ("ratings.dat", "movies.dat"))
RATING_COLUMNS = ("userId", "movieId", "rating", "timestamp")
MOVIE_COLUMNS = ("movieId", "title", "genres")


def movielens_tables(folder: Path) -> tuple[Table, Table]:
    """The ratings and the movies of a MovieLens folder.

    Raises UserError when either file is missing or cannot be read.
    """
    for ratings, movies in PAIRS:
        if (folder / ratings).is_file() and (folder / movies).is_file():
            if ratings.endswith(".csv"):
                return read_table(folder / ratings), read_table(folder / movies)
            return (
                headless_table(folder / ratings, "::", RATING_COLUMNS),
                headless_table(folder / movies, "::", MOVIE_COLUMNS),
            )
    raise UserError(
        f"{shown_name(folder)} is not a MovieLens folder: it needs ratings.csv and movies.csv, or "
        "ratings.dat and movies.dat. For other data give the file of interactions, and --items FILE "
        "for the titles."
    )
