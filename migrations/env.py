"""The Alembic environment: in the connection and transaction of `promptrec_tui.store.schema`."""

from alembic import context

from promptrec_tui.store.tables import Base

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, render_as_batch=True
)
context.run_migrations()
