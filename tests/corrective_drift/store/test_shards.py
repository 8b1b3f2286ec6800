"""What is asked of the store on a request's way names the shard, so that on many machines one of them is asked."""

import json
import re
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, event

from corrective_drift.store.schema import METADATA, REFERENCE
from tests.corrective_drift.documents import CONSENT, keys
from tests.corrective_drift.running import Running
from tests.corrective_drift.test_collect import body, fragments, new_id

_SHARDED = {table.name for table in METADATA.tables.values()} - {table.name for table in REFERENCE}
# Once a day, and at a receipt that is asked for again, or a sign-in: by the token alone.
_OVER_ALL = re.compile(r"DELETE FROM \w+ WHERE \w+\.(day|received_day|week) < |clusters\.token_sha256 = ")


@pytest.fixture
def statements(engine: Engine) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(" ".join(statement.split()))

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def test_every_statement_of_a_request_names_its_shard(statements: list[str], service: Running) -> None:
    token = {"authorization": f"Bearer {keys(1).token}"}
    batch = new_id()
    for _ in range(2):
        receipt = service.collect(body(1), batch, keys(1).token).json()["receipt"]
        service.collect(fragments(1)[0], batch)
    service.collect(body(1, hour=1), new_id(), keys(1).token, prism_consent="c1" * 32)
    service.collect(body(1, hour=2), new_id(), keys(1).token)
    told = {"cluster_id": keys(1).cluster_id, "consent": CONSENT, "revoked": True}
    service.http.post("/v1/consent", content=json.dumps(told), headers=token)
    service.http.get(f"/v1/receipts/{receipt}", headers=token)
    for _ in range(2):
        service.http.delete(f"/v1/data/{keys(1).cluster_id}", headers=token)
    service.collect(body(1), batch, keys(1).token)

    asked = [each for each in statements if any(name in each for name in _SHARDED) and not _OVER_ALL.search(each)]
    assert {each.split()[0] for each in asked} == {"SELECT", "INSERT", "UPDATE", "DELETE"}
    for statement in asked:
        where = statement.partition(" WHERE ")[2] if not statement.startswith("INSERT") else statement
        assert "cluster_pid" in where, statement
