"""Parquet files: converted in a child process to a file of text columns, and read from that."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptrec_tui.datasets.delimited import sql_text
from promptrec_tui.datasets.faults import quoted, shown_name
from promptrec_tui.datasets.quarantine import answer, read_apart
from promptrec_tui.datasets.staging import why_not_written
from promptrec_tui.datasets.tables import Tick
from promptrec_tui.errors import UserError

MAGIC = b"PAR1"
GROUP_BYTES = 4 << 30
MOST_BYTES = 64 << 30
CHUNK = 8_192
PLAIN_TYPES = (
    "VARCHAR", "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT",
    "UINTEGER", "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL", "DATE", "TIME", "TIMESTAMP",
    "UUID", "ENUM",
)  # fmt: skip


@dataclass(frozen=True)
class ParquetTable:
    """A Parquet file; `copy` is its text, in a Parquet file that the project itself has written."""

    path: Path
    columns: tuple[str, ...]
    copy: Path
    notes: tuple[str, ...] = ()
    unit: str = "row"

    def rows(self, tick: Tick | None = None) -> Iterator[tuple[int, list[str]]]:
        """As `Table.rows`; rows count from 1, a null is an empty field."""
        with _engine() as engine:
            result = engine.execute(f"SELECT * FROM {_reader(self.copy)}")
            done = 0
            while chunk := result.fetchmany(CHUNK):
                for number, fields in enumerate(chunk, done + 1):
                    yield number, list(fields)
                done += len(chunk)
                if tick:
                    tick(done, 0)

    def relation(self) -> tuple[str, int]:
        """As `Table.relation`."""
        return _reader(self.copy), 1


def read_parquet(path: Path, staging: Path) -> ParquetTable:
    """The Parquet file `path`, its text kept in the folder `staging`.

    Raises UserError when it is no whole Parquet file, is damaged, or unpacks to far too much.
    """
    copy = staging / f"{len(list(staging.iterdir()))}.parquet"
    converted = json.loads(read_apart("promptrec_tui.datasets.parquet", path, str(copy.absolute())))
    notes = tuple(
        f"{shown_name(path)}: the column {quoted(name)} has the type {kind}, which has no plain text; "
        "it was left out."
        for name, kind in converted["left_out"].items()
    )
    return ParquetTable(path, tuple(converted["columns"]), copy, notes)


def convert(source: Path, copy: Path) -> dict[str, Any]:
    """Write the text of `source` into `copy`; returns its `columns`, and the types of those `left_out`."""
    import duckdb

    _check_ends(source)
    # DuckDB takes some characters in a path for a pattern.
    plain = copy.with_suffix(".source")
    plain.symlink_to(source)
    with _engine() as engine:
        try:
            _check_sizes(engine, source, plain)
            kinds = {
                str(name): str(kind)
                for name, kind, *_ in engine.execute(f"DESCRIBE SELECT * FROM {_reader(plain)}").fetchall()
            }
            columns = [name for name, kind in kinds.items() if _is_plain(kind)]
            if not columns:
                raise UserError(f"{shown_name(source)} has no column of plain text or numbers.")
            texts = ", ".join(
                f"coalesce(CAST({_name(column)} AS VARCHAR), '') AS c{number}"
                for number, column in enumerate(columns)
            )
            written = f"SELECT {texts} FROM {_reader(plain)}"
            engine.execute(f"COPY ({written}) TO {sql_text(str(copy))} (FORMAT parquet)")
            _check_characters(engine, source, copy, len(columns))
        except duckdb.Error as error:
            if sentence := why_not_written(error, copy.parent):
                raise UserError(sentence) from None
            raise _damaged(engine, source, plain, error) from None
    return {
        "columns": columns,
        "left_out": {name: kind for name, kind in kinds.items() if name not in columns},
    }


def _engine() -> Any:
    import duckdb

    # Without its extension for time zones DuckDB writes moments in UTC, wherever it runs.
    return duckdb.connect(config={"memory_limit": "512MB", "autoload_known_extensions": "false"})


def _reader(path: Path) -> str:
    return f"read_parquet({sql_text(str(path))})"


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _is_plain(kind: str) -> bool:
    return not kind.endswith("]") and kind.split("(")[0].split(" ")[0].removesuffix("_NS") in PLAIN_TYPES


def _check_ends(source: Path) -> None:
    size = source.stat().st_size
    if not size:
        raise UserError(f"{shown_name(source)} is empty (0 bytes). Get a fresh copy.")
    with open(source, "rb") as file:
        start = file.read(4)
        file.seek(-min(size, 4), os.SEEK_END)
        end = file.read(4)
    if start != MAGIC:
        raise UserError(f"{shown_name(source)} is not a Parquet file: it does not begin with PAR1.")
    if end != MAGIC or size < 12:
        raise UserError(f"{shown_name(source)} has no Parquet footer: an incomplete copy? Get a fresh one.")


def _check_sizes(engine: Any, source: Path, plain: Path) -> None:
    groups = engine.execute(
        "SELECT sum(total_uncompressed_size)::BIGINT FROM "
        f"parquet_metadata({sql_text(str(plain))}) GROUP BY row_group_id"
    ).fetchall()
    sizes = [size or 0 for (size,) in groups]
    if sum(sizes) > MOST_BYTES or max(sizes, default=0) > GROUP_BYTES:
        raise UserError(
            f"{shown_name(source)} unpacks to {sum(sizes) >> 30:,} GiB, {max(sizes) >> 30:,} in one row "
            "group. Write it in smaller parts."
        )


def _check_characters(engine: Any, source: Path, copy: Path, width: int) -> None:
    odd = " OR ".join(f"contains(c{number}, chr(0))" for number in range(width))
    (count,) = engine.execute(f"SELECT count(*) FROM {_reader(copy)} WHERE {odd}").fetchall()[0]
    if count:
        raise UserError(f"{shown_name(source)} has NUL characters in {count:,} rows. Take them out.")


def _damaged(engine: Any, source: Path, plain: Path, error: Exception) -> UserError:
    """The error for a file that DuckDB cannot read, with the first row group that is damaged."""
    import duckdb

    where = ""
    try:
        sizes = engine.execute(
            "SELECT DISTINCT row_group_id, row_group_num_rows FROM "
            f"parquet_metadata({sql_text(str(plain))}) ORDER BY 1"
        ).fetchall()
        first = 0
        for group, rows in sizes:
            where = f" near row group {group} (rows {first + 1:,} to {first + rows:,})"
            part = f"SELECT * FROM {_reader(plain)} LIMIT {rows} OFFSET {first}"
            engine.execute(f"CREATE OR REPLACE TEMP TABLE part AS {part}")
            first += rows
            where = ""
    except duckdb.Error:
        pass
    reason = str(error).splitlines()[0].split(": ", 1)[-1].replace(str(plain), shown_name(source)).rstrip(".")
    return UserError(f"{shown_name(source)} is damaged{where}: {reason}. Get a fresh copy.")


def _answer(arguments: Sequence[str]) -> str:
    source, copy = map(Path, arguments)
    return json.dumps(convert(source, copy))


if __name__ == "__main__":
    answer(_answer)
