"""Templates for chat models and for classes; a dataset that was made from another one."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for column in (
        sa.Column("wrap", sa.String(), nullable=False, server_default="auto"),
        sa.Column("system", sa.String(), nullable=False, server_default=""),
        sa.Column("verbalizers", sa.JSON(), nullable=False, server_default="{}"),
    ):
        op.add_column("template", column)
    op.add_column("dataset", sa.Column("parent", sa.String()))
    op.add_column("dataset", sa.Column("steps", sa.JSON(), nullable=False, server_default="[]"))
