"""What alembic runs: the steps, on the connection that `store.migrate` gives it, in one transaction."""

from alembic import context

from corrective_drift.store.schema import METADATA

connection = context.config.attributes["connection"]
# SQLite takes back changes of tables too, once the driver is kept from committing by itself.
context.configure(connection=connection, target_metadata=METADATA, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
