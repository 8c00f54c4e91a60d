"""The best value of a run's leading metric, instead of its NDCG."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.alter_column("run", "ndcg", new_column_name="best_value")
    op.add_column("run", sa.Column("best_metric", sa.String(), nullable=False, server_default=""))
    op.execute(
        "UPDATE run SET best_metric = coalesce("
        "(SELECT name FROM metric WHERE run_id = run.id AND name LIKE 'ndcg@%' LIMIT 1), '')"
    )
