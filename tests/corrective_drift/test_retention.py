"""What goes by age, on both stores."""

from datetime import timedelta

from sqlalchemy import Engine

from corrective_drift.retention import expire
from corrective_drift.store.engine import writing
from corrective_drift.store.schema import BATCHES, CLUSTERS, FRAGMENTS, REPORTS
from tests.corrective_drift.documents import keys
from tests.corrective_drift.running import TODAY, Running
from tests.corrective_drift.test_collect import body, fragments, new_id, rows

RETENTION_DAYS = 30


def expired(engine: Engine, days: int) -> tuple[int, int]:
    with writing(engine) as connection:
        gone = expire(connection, today=TODAY + timedelta(days=days), retention_days=RETENTION_DAYS)
    return gone.reports, gone.batches


def test_reports_and_receipts_go_after_the_retention_and_not_before(service: Running) -> None:
    batch = new_id()
    service.collect(body(1), batch, keys(1).token)
    assert expired(service.service.engine, RETENTION_DAYS) == (0, 0)
    assert expired(service.service.engine, RETENTION_DAYS + 1) == (1, 1)
    assert rows(service, REPORTS) == rows(service, BATCHES) == 0
    assert rows(service, CLUSTERS) == 1


def test_a_voters_pseudonym_goes_even_where_no_week_is_released(service: Running) -> None:
    for fragment in fragments(1):
        service.collect(fragment, new_id())
    expired(service.service.engine, 13)
    assert rows(service, FRAGMENTS) == 5
    expired(service.service.engine, 28)
    assert rows(service, FRAGMENTS) == 0
