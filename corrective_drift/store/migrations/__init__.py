"""Steps from one shape of the store to the next, by alembic: up to this release, and down again."""
