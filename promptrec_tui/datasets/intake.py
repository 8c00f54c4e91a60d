"""Columns gathered and sorted in a temporary DuckDB database with bounded memory."""

import os
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from promptrec_tui.datasets.staging import why_not_written
from promptrec_tui.datasets.tables import Table, Tick
from promptrec_tui.errors import UserError

MEMORY = "600MB"
CHUNK = 65_536
LOOK_SECONDS = 0.1
Engine = Any
"""A connection of DuckDB, which is imported only when there is something to import."""


@contextmanager
def opened_engine(staging: Path) -> Iterator[Engine]:
    """A database in the folder `staging`, where it also puts what does not fit into its memory.

    Raises UserError when the disk, a limit or the memory does not hold what is put in.
    """
    import duckdb

    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY,
        "temp_directory": str(staging / "spilt"),
        "threads": os.cpu_count() or 1,
        "autoload_known_extensions": "false",
        "autoinstall_known_extensions": "false",
    }
    try:
        with closing(duckdb.connect(str(staging / "work.duckdb"), config=config)) as engine:
            yield engine
    except duckdb.Error as error:
        if sentence := why_not_written(error, staging.parent.parent):
            raise UserError(sentence) from error
        raise


def take_in(engine: Engine, table: Table, columns: Mapping[str, int], exact: str, tick: Tick) -> None:
    """Make the view `source(line, FIELD…)` of the chosen columns of `table`, empty fields as NULL.

    The field `exact` is a BIGINT where its text is a whole number as DuckDB would write it; all other texts
    of it are in the column `other`. Raises UserError where the table is invalid.
    """
    import duckdb

    if (bulk := table.relation()) is not None:
        relation, first = bulk
        chosen = _chosen({field: f"c{index}" for field, index in columns.items()}, exact)
        try:
            run(engine, f"CREATE OR REPLACE TABLE taken AS SELECT {chosen} FROM {relation}", tick)
            numbered = f"SELECT rowid + {first} AS line, * FROM taken"
            engine.execute(f"CREATE OR REPLACE VIEW source AS {numbered}").fetchall()
            return
        except duckdb.Error:
            # The strict reader reports the same fault with line and column.
            pass
    _take_rows(engine, table, columns, exact, tick)
    engine.execute("CREATE OR REPLACE VIEW source AS SELECT * FROM taken").fetchall()


def run(engine: Engine, sql: str, tick: Tick) -> None:
    """Execute a long statement; `tick` is called while it runs, and what it raises ends the statement."""
    failed: list[BaseException] = []

    def execute() -> None:
        try:
            engine.execute(sql).fetchall()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=execute, daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            # DuckDB answers -1 while the progress is unknown.
            tick(min(max(int(engine.query_progress()), 0), 100), 100)
            thread.join(LOOK_SECONDS)
    except BaseException:
        engine.interrupt()
        thread.join()
        raise
    if failed:
        raise failed[0]
    tick(100, 100)


def put_table(engine: Engine, name: str, columns: Mapping[str, Any]) -> None:
    """Make a table of numpy arrays."""
    engine.register("arrays", dict(columns))
    engine.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM arrays").fetchall()
    engine.unregister("arrays")


def objects(values: Collection[str]) -> Any:
    """Texts as an array. np.array would make it as wide as the longest text, for each of them."""
    import numpy as np

    array = np.empty(len(values), dtype=object)
    array[:] = list(values)
    return array


def _chosen(fields: Mapping[str, str], exact: str) -> str:
    parts = [f"nullif({column}, '') AS \"{field}\"" for field, column in fields.items() if field != exact]
    if column := fields.get(exact):
        number = f"TRY_CAST({column} AS BIGINT)"
        same = f"CAST({number} AS VARCHAR) IS NOT DISTINCT FROM {column}"
        parts.append(f"CASE WHEN {same} THEN {number} END AS {exact}")
        parts.append(f"CASE WHEN NOT ({same}) THEN nullif({column}, '') END AS other")
    return ", ".join(parts)


def _take_rows(engine: Engine, table: Table, columns: Mapping[str, int], exact: str, tick: Tick) -> None:
    import numpy as np

    rows = table.rows(tick)
    chosen = _chosen({field: f"c{index}" for field, index in columns.items()}, exact)
    texts = ", ".join(f"c{index} VARCHAR" for index in columns.values())
    engine.execute(f"CREATE OR REPLACE TABLE arrived (line BIGINT, {texts})").fetchall()
    engine.execute(f"CREATE OR REPLACE TABLE taken AS SELECT line, {chosen} FROM arrived").fetchall()
    while chunk := list(islice(rows, CHUNK)):
        arrays: dict[str, Any] = {
            f"c{index}": objects([fields[index] for _, fields in chunk]) for index in columns.values()
        }
        arrays["line"] = np.array([line for line, _ in chunk], dtype=np.int64)
        engine.register("arrays", arrays)
        engine.execute(f"INSERT INTO taken SELECT line, {chosen} FROM arrays").fetchall()
        engine.unregister("arrays")
