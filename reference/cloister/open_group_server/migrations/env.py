"""What Alembic runs; the connection is that of `database`."""

from alembic import context

from cloister.open_group_server.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
