"""When the metrics of training were written, and the checkpoints, for the axis and the marks of curves.

The index of curves gets the values too: a million points are read in half the time.

Runs from before have neither: their charts count steps and mark the best one only.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "moment",
        *key_of_run(),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("time", sa.Double(), nullable=False),
        sa.Column("epoch", sa.Double(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table("checkpoint", *key_of_run(), sa.Column("step", sa.Integer(), nullable=False))
    op.drop_index("metric_by_name", "metric")
    op.create_index("metric_by_name", "metric", ["run_id", "name", "step", "attempt", "seq", "value"])


def key_of_run() -> list[sa.Column[int] | sa.Column[str]]:
    """The key of a row made from an event."""
    return [
        sa.Column("run_id", sa.String(), sa.ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("attempt", sa.Integer(), primary_key=True),
        sa.Column("seq", sa.Integer(), primary_key=True),
    ]
