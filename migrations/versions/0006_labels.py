"""What people say of a run (tags, note, pin, archive), and what the list can show of it besides.

The next reading of the run folders fills the columns in.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    for name, kind, default in (
        ("method", sa.String(), ""),
        ("tags", sa.JSON(), "[]"),
        ("note", sa.String(), ""),
        ("pinned", sa.Boolean(), "0"),
        ("archived", sa.Boolean(), "0"),
    ):
        op.add_column("run", sa.Column(name, kind, nullable=False, server_default=default))
    for name, number in (
        ("learning_rate", sa.Double()),
        ("seed", sa.Integer()),
        ("test_value", sa.Double()),
        ("test_users", sa.Integer()),
    ):
        op.add_column("run", sa.Column(name, number))
