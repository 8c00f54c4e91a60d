"""The Alembic environment: it works on the connection that `promptrec_tui.store.schema` hands over, inside its transaction."""

from alembic import context

from promptrec_tui.store.tables import Base

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, render_as_batch=True
)
context.run_migrations()
