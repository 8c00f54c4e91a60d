"""A catalogue of the test's own, and run folders with true specs and events."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from promptrec_tui.home import Home
from promptrec_tui.resources import resource
from promptrec_tui.runs.event_log import EventLog
from promptrec_tui.runs.events import MetricEvent
from promptrec_tui.runs.folder import RunFolder, create_run
from promptrec_tui.runs.spec import DatasetRef, ModelRef, RunSpec, Settings, TemplateRef
from promptrec_tui.store.engine import Catalogue, open_catalogue
from promptrec_tui.store.runs import add_run
from promptrec_tui.store.schema import known_versions

NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{newest}"


def upgrade() -> None:
    with op.batch_alter_table("run", recreate="always") as run:
        run.add_column(sa.Column("remark", sa.String(), nullable=False, server_default="none"))
    {last}
"""


@pytest.fixture
def next_version(tmp_path: Path):
    """Migrations with one more version, which rebuilds the table `run`; `last` is its last line."""

    def make(last: str = "") -> Path:
        folder = tmp_path / "migrations"
        shutil.copytree(resource("migrations"), folder, dirs_exist_ok=True)
        (folder / "versions" / "9999_next.py").write_text(
            NEXT.format(last=last, newest=known_versions(resource("migrations"))[-1])
        )
        return folder

    return make


@pytest.fixture
def seeded(home: Home, catalogue: Catalogue, make_spec) -> Home:
    """A home with a run that has a row in every table of its own."""
    add_run(catalogue, make_spec("r1"))
    catalogue.close()
    with closing(sqlite3.connect(home.database)) as connection:
        connection.execute("INSERT INTO metric VALUES ('r1', 1, 1, 'train_loss', 5, 0.5)")
        connection.execute("INSERT INTO moment VALUES ('r1', 1, 1, 5, 100.0, 0.5)")
        connection.execute("INSERT INTO phase VALUES ('r1', 1, 'check', 1, 1, 2.0, NULL, 9.0, 1, 2, '')")
        connection.execute("INSERT INTO checkpoint VALUES ('r1', 1, 5, 5)")
        connection.execute(
            "INSERT INTO preview VALUES ('r1', 1, 2, 0, 'u', 'before', 0, '[]', 't', 1.0, '[]')"
        )
        connection.execute("INSERT INTO evaluation VALUES ('r1', 1, 3, 'test', 'tuned', 5, 9, '{}', '{}')")
        connection.execute("INSERT INTO warning VALUES ('r1', 1, 4, 'careful')")
        connection.commit()
    return home


@pytest.fixture
def catalogue(home: Home) -> Iterator[Catalogue]:
    opened = open_catalogue(home)
    yield opened
    opened.close()


@pytest.fixture
def make_spec() -> Callable[..., RunSpec]:
    """`make_spec("r1")`: a valid spec of a run with that id."""

    def make(run_id: str, name: str = "", created: str = "2020-11-24T10:00:00+00:00") -> RunSpec:
        return RunSpec(
            id=run_id,
            name=name or f"run {run_id}",
            created=created,
            task="next_item",
            dataset=DatasetRef(id="d1", name="films", file="datasets/d1.sqlite", sha256="0"),
            template=TemplateRef(
                id="t1",
                name="list",
                version=1,
                task="next_item",
                language="any",
                prompt="{% for i in history %}{{ i.title }}\n{% endfor %}",
                completion="{{ item.title }}",
                end_token="\n",
                sha256="0",
            ),
            model=ModelRef(id="m1", name="tiny", folder="/m", sha256="0", family="qwen3", model_type="qwen3"),
            settings=Settings(),
            versions={},
            machine={},
        )

    return make


@pytest.fixture
def make_run(home: Home, make_spec: Callable[..., RunSpec]) -> Callable[..., RunFolder]:
    """`make_run("r1")`: a real run folder in the home; keywords as for `make_spec`."""

    def make(run_id: str, **fields: Any) -> RunFolder:
        return create_run(home, make_spec(run_id, **fields))

    return make


@pytest.fixture
def train() -> Callable[..., None]:
    """`train(folder, attempt, [1, 2, 3])`: metrics of these steps, the loss `10 * attempt + 1 / step`."""

    def write(folder: RunFolder, attempt: int, steps: list[int]) -> None:
        with EventLog(folder, attempt) as log:
            for step in steps:
                values = {"train_loss": 10 * attempt + 1 / step, "learning_rate": 1e-3}
                log.write(MetricEvent(step=step, total_steps=100, epoch=0.5, values=values))

    return write
