"""The agent's own outbox, client and calls against the service, over TLS."""

import json
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from agent.delivery.answers import Action, Failure, Reply
from agent.delivery.audit import Head, Trail
from agent.delivery.audit_check import verify
from agent.delivery.backoff import Backoff
from agent.delivery.flush import Delivery
from agent.delivery.outbox import Limits, Outbox, opened
from agent.delivery.outbox_export import write
from agent.delivery.outbox_seal import Ripeness
from agent.delivery.outbox_view import receipts, stats
from agent.delivery.service_calls import ServiceCalls
from agent.levels import Level
from corrective_drift.carried import take_file
from corrective_drift.cli import main
from corrective_drift.errors import InvalidOption
from corrective_drift.receipts import is_genuine
from corrective_drift.store.engine import reading
from corrective_drift.store.schema import BATCHES, CLUSTERS, CONSENTS, ERASURES, FRAGMENTS, REPORTS, VOTES
from tests.agent.delivery.parts import BEGINNING
from tests.corrective_drift.documents import CONSENT, keys, outgoing
from tests.corrective_drift.running import TODAY, Running
from tests.corrective_drift.test_collect import rows

LATER = "c1" * 32
KEYS = keys(1)


class Agent:
    """What an agent's process does with its outbox, without waiting for any time to come."""

    def __init__(self, service: Running, directory: Path) -> None:
        self.calls = ServiceCalls(service.client(KEYS.token))
        self.consent = CONSENT
        self.trail = Trail(directory / "audit.jsonl")
        self._service, self._path = service, directory / "outbox.db"

    @contextmanager
    def outbox(self) -> Iterator[Outbox]:
        with opened(self._path, Limits(age_seconds=86_400)) as outbox:
            yield outbox

    def collect(self, level: Level = Level.STANDARD, *, hour: int = 0) -> None:
        records = [replace(each, earliest_seconds=0) for each in outgoing(1, TODAY, level, hour=hour)]
        with self.outbox() as outbox:
            outbox.put(records, consent_digest=self.consent)

    def flush(self) -> list[Action]:
        with self.outbox() as outbox:
            delivery = Delivery(
                outbox=outbox,
                client=self._service.client(KEYS.token),
                trail=self.trail,
                backoff=Backoff(base_seconds=1, max_retries=1, flush_interval_seconds=0),
                batch_size=100,
                consent_digest=self.consent,
                consented_at=BEGINNING,
                unix_seconds=time.time,
                rng=random.Random(1),
            )
            return [each.action for each in delivery.flush().attempts]

    def deliver(self, hour: int = 0) -> list[Action]:
        self.collect(hour=hour)
        return self.flush()

    def tell(self, *, revoked: bool, consent: str = CONSENT) -> int:
        told = {"cluster_id": KEYS.cluster_id, "consent": consent, "revoked": revoked}
        return status(self.calls.tell_consent(json.dumps(told).encode()))


def status(answer: Reply | Failure) -> int:
    assert isinstance(answer, Reply), answer
    return answer.status


def content(answer: Reply | Failure) -> dict[str, object]:
    assert isinstance(answer, Reply), answer
    assert answer.status == 200
    return dict(json.loads(answer.body))


@pytest.fixture
def agent(service: Running, tmp_path: Path) -> Agent:
    return Agent(service, tmp_path)


def test_what_the_outbox_holds_arrives_and_the_receipt_is_kept(agent: Agent, service: Running) -> None:
    agent.collect()
    agent.collect(Level.DETAILED, hour=1)
    assert agent.flush() == [Action.DONE, Action.DONE]
    assert rows(service, REPORTS) == 2
    with agent.outbox() as outbox:
        assert stats(outbox).waiting_documents == 0
        kept = list(receipts(outbox))
    assert {content(agent.calls.receipt(each.receipt))["batch"] for each in kept} == {each.batch_id for each in kept}


def test_fragments_arrive_without_a_cluster(agent: Agent, service: Running) -> None:
    agent.collect(Level.MINIMAL)
    assert agent.flush() == [Action.DONE] * 5
    assert rows(service, FRAGMENTS) == 5
    assert rows(service, CLUSTERS) == 0


def test_receipts_carry_the_head_of_the_audit_trail(agent: Agent, service: Running, tmp_path: Path) -> None:
    agent.deliver()
    agent.deliver(hour=1)
    with agent.outbox() as outbox:
        told = [str(content(agent.calls.receipt(each.receipt))["audit_head"]) for each in receipts(outbox)]
    trail = tmp_path / "audit.jsonl"
    assert isinstance(verify(trail, told), Head)
    trail.write_text(trail.read_text().splitlines()[0] + "\n")
    assert not isinstance(verify(trail, told), Head)


def test_after_revoking_the_agent_is_told_that_its_consent_is_stale(agent: Agent, service: Running) -> None:
    assert agent.deliver() == [Action.DONE]
    assert agent.tell(revoked=True) == 200
    assert agent.deliver(hour=1) == [Action.CONSENT]
    assert rows(service, REPORTS) == 1


def test_a_revoked_consent_never_holds_again_and_a_new_one_does(agent: Agent, service: Running) -> None:
    agent.deliver()
    agent.tell(revoked=True)
    assert agent.tell(revoked=False) == 409
    agent.consent = LATER
    assert agent.tell(revoked=False, consent=LATER) == 200
    assert agent.deliver(hour=1) == [Action.DONE]


def test_a_consent_that_another_has_replaced_is_stale(agent: Agent, service: Running) -> None:
    agent.deliver()
    agent.consent = LATER
    assert agent.deliver(hour=1) == [Action.DONE]
    agent.consent = CONSENT
    assert agent.deliver(hour=2) == [Action.CONSENT]
    assert rows(service, CONSENTS) == 2


def test_a_consent_can_be_revoked_before_anything_was_sent(agent: Agent, service: Running) -> None:
    assert agent.tell(revoked=True) == 200
    assert agent.tell(revoked=True) == 200
    assert agent.deliver() == [Action.CONSENT]
    assert rows(service, REPORTS) == 0


def test_only_the_clusters_own_token_may_speak_for_it(agent: Agent, service: Running) -> None:
    agent.deliver()
    stranger = ServiceCalls(service.client(keys(2).token))
    told = {"cluster_id": KEYS.cluster_id, "consent": CONSENT, "revoked": True}
    assert status(stranger.tell_consent(json.dumps(told).encode())) == 403
    assert status(stranger.delete_data(KEYS.cluster_id)) == 403
    with agent.outbox() as outbox:
        assert status(stranger.receipt(next(receipts(outbox)).receipt)) == 404
    nobody = service.client(None)
    assert status(nobody.request("DELETE", f"/v1/data/{KEYS.cluster_id}", anonymous=True)) == 401
    assert agent.deliver(hour=1) == [Action.DONE]


def test_erasing_leaves_nothing_but_a_receipt_that_names_nobody(agent: Agent, service: Running) -> None:
    for hour in range(3):
        agent.deliver(hour=hour)
    receipt = content(agent.calls.delete_data(KEYS.cluster_id))
    assert is_genuine(receipt, service.service.signer.public)
    assert receipt["before"] == {"batches": 3, "clusters": 1, "consents": 1, "reports": 3, "votes": 0}
    assert set(dict(receipt["after"]).values()) == {0}  # type: ignore[call-overload]
    for table in (BATCHES, CLUSTERS, REPORTS, VOTES):
        assert rows(service, table) == 0
    with reading(service.service.engine) as connection:
        left = [str(row) for table in (CONSENTS, ERASURES) for row in connection.execute(select(table))]
    assert left
    assert not any(KEYS.cluster_id in row or KEYS.token in row for row in left)


def test_erasing_again_gives_the_same_receipt(agent: Agent) -> None:
    agent.deliver()
    first = content(agent.calls.delete_data(KEYS.cluster_id))
    assert content(agent.calls.delete_data(KEYS.cluster_id)) == first


def test_what_was_never_there_has_no_receipt(agent: Agent) -> None:
    assert status(agent.calls.delete_data(KEYS.cluster_id)) == 403


def test_after_erasing_nothing_is_taken_until_a_new_consent(agent: Agent, service: Running) -> None:
    agent.deliver()
    agent.calls.delete_data(KEYS.cluster_id)
    assert agent.deliver(hour=1) == [Action.STOP]
    assert agent.tell(revoked=True) == 200
    assert rows(service, REPORTS) == rows(service, CLUSTERS) == 0
    agent.consent = LATER
    with agent.outbox() as outbox:
        outbox.resume()
    assert agent.deliver(hour=2) == [Action.DONE]
    second = content(agent.calls.delete_data(KEYS.cluster_id))
    assert second["before"] == {"batches": 1, "clusters": 1, "consents": 1, "reports": 1, "votes": 0}
    assert content(agent.calls.delete_data(KEYS.cluster_id)) == second
    assert rows(service, ERASURES) == 1
    for consent in (CONSENT, LATER):
        agent.consent = consent
        with agent.outbox() as outbox:
            outbox.resume()
        assert agent.deliver(hour=3) == [Action.STOP]


def test_an_erased_cluster_belongs_to_its_token_still(agent: Agent, service: Running) -> None:
    agent.deliver()
    agent.calls.delete_data(KEYS.cluster_id)
    stranger = ServiceCalls(service.client(keys(2).token))
    told = {"cluster_id": KEYS.cluster_id, "consent": LATER, "revoked": False}
    assert status(stranger.tell_consent(json.dumps(told).encode())) == 403


def test_an_exported_file_counts_once_beside_the_network(
    agent: Agent, service: Running, database: str, tmp_path: Path
) -> None:
    agent.collect()
    agent.collect(Level.MINIMAL)
    exported = tmp_path / "export.jsonl"
    with agent.outbox() as outbox:
        outbox.seal(Ripeness(batch_size=10, flush_interval_seconds=0, everything=True), audit_head=None)
        write(exported, list(outbox.batches()), random.Random(1))
    engine = service.service.engine
    imported = take_file(engine, exported, TODAY)
    assert (imported.batches, imported.documents, dict(imported.refused)) == (6, 6, {})
    assert agent.flush() == [Action.DONE] * 6
    again = take_file(engine, exported, TODAY)
    assert (again.batches, again.documents) == (6, 6)
    arguments = ["--database", database, "--state-dir", str(tmp_path), str(exported)]
    ran = CliRunner().invoke(main, ["import", *arguments])
    assert (ran.exit_code, ran.stdout) == (0, "6 batches taken, 6 documents in them\n")
    assert rows(service, REPORTS) == 1
    assert rows(service, FRAGMENTS) == 5
    agent.calls.delete_data(KEYS.cluster_id)
    assert dict(take_file(engine, exported, TODAY).refused) == {"erased": 1}
    refused = CliRunner().invoke(main, ["import", *arguments])
    assert (refused.exit_code, refused.stderr) == (1, "1 batches refused: erased\n")
    exported.write_bytes(exported.read_bytes()[:-5])
    with pytest.raises(InvalidOption, match="export"):
        take_file(engine, exported, TODAY)
