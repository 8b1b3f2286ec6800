"""Migrations, on both stores."""

from collections.abc import Callable

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, insert, inspect, select

from corrective_drift.errors import Unusable
from corrective_drift.store.engine import reading, writing
from corrective_drift.store.migrate import EMPTY, _config, is_current, migrate
from corrective_drift.store.schema import CONSENTS, METADATA, REFERENCE

Open = Callable[[str], Engine]


def test_every_step_leads_up_and_down_again(empty_database: str, open_store: Open) -> None:
    engine = open_store(empty_database)
    steps = [step.revision for step in ScriptDirectory.from_config(_config()).walk_revisions()][::-1]
    for step in steps:
        migrate(engine, step)
    assert is_current(engine)
    for step in [*steps[-2::-1], EMPTY]:
        migrate(engine, step)
        assert not is_current(engine)
    assert set(inspect(engine).get_table_names()) == {"alembic_version"}


def test_the_steps_lead_to_the_tables_of_the_schema(engine: Engine) -> None:
    with reading(engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_migrating_what_is_current_changes_nothing(engine: Engine) -> None:
    consent = {"cluster_pid": "a" * 26, "consent_digest": "c0" * 32, "first_day": "2026-01-05", "revoked": False}
    with writing(engine) as connection:
        connection.execute(insert(CONSENTS), consent)
    migrate(engine)
    with reading(engine) as connection:
        assert connection.execute(select(CONSENTS)).mappings().all() == [consent]


def test_a_store_of_a_later_release_is_left_alone(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Unusable, match="later release"):
        migrate(engine)
    assert not is_current(engine)


def test_every_unique_key_of_what_is_a_clusters_contains_the_shard_key() -> None:
    for table in set(METADATA.tables.values()) - REFERENCE:
        keys = [table.primary_key.columns, *(index.columns for index in table.indexes if index.unique)]
        assert all("cluster_pid" in key for key in keys), table.name
