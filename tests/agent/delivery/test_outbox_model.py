"""The outbox against a model of it in a few lines of Python: hypothesis plays both."""

import gzip
import json
import random
import tempfile
from contextlib import ExitStack
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agent.delivery.answers import Receipt
from agent.delivery.batch import Batch
from agent.delivery.outbox import Limits, Outbox, opened
from agent.delivery.outbox_rows import LossReason
from agent.delivery.outbox_seal import Ripeness
from agent.delivery.outbox_view import dead_letters, receipts, stats
from tests.agent.delivery.parts import CONSENT, SimulatedTime, document, fragment

AGE, FLUSH, BATCH_SIZE, ROOM = 1000.0, 60.0, 3, 12
CONSENTS = st.sampled_from([CONSENT, "other"])


class OutboxMachine(RuleBasedStateMachine):
    """Documents are numbered; the model knows where each one is."""

    def __init__(self) -> None:
        super().__init__()
        self.cleanup = ExitStack()
        directory = self.cleanup.enter_context(tempfile.TemporaryDirectory())
        self.path = Path(directory) / "outbox.db"
        self.time = SimulatedTime()
        self.number = 0
        self.waiting: list[tuple[int, str, bool, float]] = []  # number, consent, alone, put at
        self.batches: dict[str, tuple[Batch, list[tuple[int, str, bool, float]]]] = {}
        self.dead: set[str] = set()
        self.done: dict[str, float] = {}
        self.lost = 0
        self.rng = random.Random(3)
        self.box: Outbox
        self.opening = ExitStack()

    @initialize()
    def begin(self) -> None:
        self.reopen()

    @rule()
    def reopen(self) -> None:
        self.opening.close()
        limits = Limits(age_seconds=AGE, documents=ROOM)
        clock = self.time.clock()
        self.box = self.opening.enter_context(opened(self.path, limits, clock=clock, rng=self.rng))

    @rule(count=st.integers(1, 4), consent=CONSENTS, alone=st.booleans())
    def put(self, count: int, consent: str, alone: bool) -> None:  # noqa: FBT001  # hypothesis passes by name
        numbers = range(self.number, self.number + count)
        self.number += count
        self.box.put([fragment(n) if alone else document(n) for n in numbers], consent_digest=consent)
        self.waiting += [(n, consent, alone, self.time.boot_seconds) for n in numbers]
        self._make_room()

    def _make_room(self) -> None:
        while len(self.waiting) + sum(len(content) for _, content in self.batches.values()) > ROOM:
            first_waiting = self.waiting[0][0] if self.waiting else None
            first_batch = min(self.batches, key=lambda key: self.batches[key][1][0][0], default=None)
            if first_batch is None or (
                first_waiting is not None and first_waiting < self.batches[first_batch][1][0][0]
            ):
                self.waiting.pop(0)
                self.lost += 1
            else:
                self._remove(first_batch)

    def _remove(self, key: str) -> None:
        self.lost += len(self.batches.pop(key)[1])
        self.dead.discard(key)

    @rule(everything=st.booleans())
    def seal(self, everything: bool) -> None:  # noqa: FBT001  # hypothesis passes by name
        ripeness = Ripeness(batch_size=BATCH_SIZE, flush_interval_seconds=FLUSH, everything=everything)
        self.box.seal(ripeness, audit_head=None)
        now = self.time.boot_seconds
        old = [each for each in self.waiting if now - each[3] >= AGE]
        self.lost += len(old)
        self.waiting = [each for each in self.waiting if each not in old]
        for key in [key for key, (_, content) in self.batches.items() if now - content[0][3] >= AGE]:
            self._remove(key)
        self.done = {key: at for key, at in self.done.items() if now - at < AGE}
        self._read_new_batches(now, everything=everything)

    def _read_new_batches(self, now: float, *, everything: bool) -> None:
        groups: dict[tuple[str, bool], list[tuple[int, str, bool, float]]] = {}
        for each in self.waiting:
            groups.setdefault((each[1], each[2]), []).append(each)
        # A fragment that was held up waits for its new time; it is the real outbox that draws it.
        known = {batch.batch_id for batch in self.box.batches()} - self.batches.keys()
        new = {batch.batch_id: batch for batch in self.box.batches() if batch.batch_id in known}
        for (consent, alone), group in groups.items():
            ours = [batch for batch in new.values() if (batch.consent_digest, batch.alone) == (consent, alone)]
            if alone:
                assert all(batch.documents == 1 for batch in ours)
                if everything:
                    assert len(ours) == len(group)
                taken = group[: len(ours)] if everything else self._found(group, ours)
            else:
                ripe = everything or len(group) >= BATCH_SIZE or now - group[0][3] >= FLUSH
                assert sum(batch.documents for batch in ours) == (len(group) if ripe else 0)
                taken = group if ripe else []
            for batch in ours:
                content, taken = taken[: batch.documents], taken[batch.documents :]
                self.batches[batch.batch_id] = batch, content
                self.waiting = [each for each in self.waiting if each not in content]

    def _found(
        self, group: list[tuple[int, str, bool, float]], ours: list[Batch]
    ) -> list[tuple[int, str, bool, float]]:
        numbers = {json.loads(gzip.decompress(batch.body))["documents"][0]["id"]: batch for batch in ours}
        return [each for each in group if each[0] in numbers]

    @rule(how=st.sampled_from(["done", "retry", "bury", "crash after the answer"]))
    def send(self, how: str) -> None:
        batch = self.box.due()
        if batch is None:
            return
        assert batch.batch_id in self.batches.keys() - self.dead
        assert batch.body == self.batches[batch.batch_id][0].body
        match how:
            case "done":
                self.box.done(batch, Receipt(receipt="r", accepted=1, received_at="t"))
                self.done[batch.batch_id] = self.time.boot_seconds
                del self.batches[batch.batch_id]
            case "retry":
                self.box.retry(batch, batch_wait_seconds=20, service_wait_seconds=10)
            case "bury":
                self.box.bury(batch, status=400)
                self.dead.add(batch.batch_id)
            case _:
                self.reopen()

    @rule(consent=CONSENTS)
    def change_consent(self, consent: str) -> None:
        self.box.purge(LossReason.CONSENT, keep_consent=consent)
        gone = [each for each in self.waiting if each[1] != consent]
        self.lost += len(gone)
        self.waiting = [each for each in self.waiting if each not in gone]
        for key in [key for key, (batch, _) in self.batches.items() if batch.consent_digest != consent]:
            self._remove(key)

    @rule(seconds=st.sampled_from([1.0, 30.0, 70.0, 400.0]))
    def wait(self, seconds: float) -> None:
        self.time.pass_by(seconds)

    @rule(jump=st.sampled_from([-1e9, 1e9]))
    def set_the_wall_clock(self, jump: float) -> None:
        self.time.wall_seconds = max(0.0, self.time.wall_seconds + jump)

    @precondition(lambda self: self.lost)
    @rule()
    def tell_losses(self) -> None:
        for loss in self.box.losses():
            self.box.told(loss)
            self.lost -= loss.documents

    @invariant()
    def every_document_is_in_one_known_place(self) -> None:
        if not hasattr(self, "box"):
            return
        figures = stats(self.box)
        content = {key: len(documents) for key, (_, documents) in self.batches.items()}
        dead = sum(content[key] for key in self.dead)
        assert figures.waiting_documents == len(self.waiting) + sum(content.values()) - dead
        assert figures.dead_documents == dead
        assert {letter.batch_id for letter in dead_letters(self.box)} == self.dead
        assert {batch.batch_id for batch in self.box.batches()} == self.batches.keys() - self.dead
        assert {each.batch_id for each in receipts(self.box)} == self.done.keys()
        assert sum(loss.documents for loss in self.box.losses()) == self.lost

    def teardown(self) -> None:
        self.opening.close()
        self.cleanup.close()


TestOutbox = OutboxMachine.TestCase
TestOutbox.settings = settings(deadline=None, max_examples=25, stateful_step_count=30)
