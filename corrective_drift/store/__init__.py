"""The store: one schema for SQLite, PostgreSQL and Citus.

Law: only here is SQL. Every table is either sharded by `cluster_pid`, which is then in each of its unique keys and in
the WHERE of every query on a request's way, or a small table of reference that all shards have (`schema.REFERENCE`).
"""
