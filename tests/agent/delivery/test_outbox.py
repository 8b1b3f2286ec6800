"""What the outbox promises while everything works; its weather is in test_outbox_weather."""

import random
import sqlite3
from dataclasses import replace
from pathlib import Path

from agent.delivery.answers import Receipt
from agent.delivery.batch import Batch
from agent.delivery.outbox import Limits, Outbox, opened
from agent.delivery.outbox_rows import Halt, Loss, LossReason
from agent.delivery.outbox_seal import Ripeness
from agent.delivery.outbox_view import dead_letters, next_seconds, receipts, stats
from agent.levels import Level
from tests.agent.delivery.parts import CONSENT, DAY, WEEK, SimulatedTime, document, fragment

RIPE = Ripeness(batch_size=10, flush_interval_seconds=300)
RECEIPT = Receipt(receipt="r", accepted=1, received_at="2026-01-01T00:00:00Z")


def put(outbox: Outbox, *numbers: int, level: Level = Level.STANDARD, consent: str = CONSENT) -> None:
    outbox.put([document(number, level=level) for number in numbers], consent_digest=consent)


def sealed(outbox: Outbox, *, everything: bool = False, batch_size: int = 10) -> list[Batch]:
    ripeness = Ripeness(batch_size=batch_size, flush_interval_seconds=300, everything=everything)
    outbox.seal(ripeness, audit_head="1:ab")
    return list(outbox.batches())


def test_documents_wait_until_enough_have_gathered_or_the_first_has_waited_long_enough(
    outbox: Outbox, time: SimulatedTime
) -> None:
    put(outbox, 1, 2, 3)
    assert next_seconds(outbox, 300) == 300
    assert sealed(outbox) == []
    put(outbox, *range(4, 11))
    assert [batch.documents for batch in sealed(outbox)] == [10]
    put(outbox, 11)
    time.pass_by(300)
    assert [batch.documents for batch in sealed(outbox)] == [10, 1]
    assert next_seconds(outbox, 300) == 0


def test_a_sealed_batch_keeps_its_bytes_and_its_id(outbox: Outbox, outbox_path: Path, time: SimulatedTime) -> None:
    put(outbox, 1)
    (first,) = sealed(outbox, everything=True)
    outbox.retry(first, batch_wait_seconds=1, service_wait_seconds=1)
    put(outbox, 2)
    time.pass_by(1000)
    outbox.seal(RIPE, audit_head="9:ff")
    with opened(outbox_path, Limits(age_seconds=WEEK), clock=time.clock()) as again:
        repeated = next(each for each in again.batches() if each.batch_id == first.batch_id)
    assert repeated == replace(first, attempts=1)


def test_a_batch_holds_one_level_one_consent_one_schema(outbox: Outbox) -> None:
    put(outbox, 1, 2)
    put(outbox, 3, level=Level.DETAILED)
    put(outbox, 4, consent="another")
    outbox.put([replace(document(5), schema_digest="aa" * 32)], consent_digest=CONSENT)
    assert sorted(batch.documents for batch in sealed(outbox, everything=True)) == [1, 1, 1, 2]


def test_the_audit_trail_is_named_above_minimal_only(outbox: Outbox) -> None:
    put(outbox, 1)
    outbox.put([fragment(2)], consent_digest=CONSENT)
    heads = {batch.level: batch.audit_head for batch in sealed(outbox, everything=True)}
    assert heads == {Level.STANDARD: "1:ab", Level.MINIMAL: None}


def test_a_receipt_takes_the_place_of_its_batch(outbox: Outbox) -> None:
    put(outbox, 1)
    (batch,) = sealed(outbox, everything=True)
    outbox.done(batch, RECEIPT)
    outbox.done(batch, RECEIPT)
    assert outbox.due() is None
    assert [(each.receipt, each.sha256, each.audit_head) for each in receipts(outbox)] == [("r", batch.sha256, "1:ab")]
    assert stats(outbox).bytes == 0


def test_a_dead_letter_is_kept_shown_and_never_due(outbox: Outbox, time: SimulatedTime) -> None:
    put(outbox, 1)
    (batch,) = sealed(outbox, everything=True)
    outbox.bury(batch, status=422)
    time.pass_by(DAY)
    assert outbox.due() is None
    assert [(letter.status, letter.documents, letter.age_seconds) for letter in dead_letters(outbox)] == [(422, 1, DAY)]
    assert (stats(outbox).dead_documents, stats(outbox).waiting_documents) == (1, 0)


def test_a_batch_that_fails_does_not_stand_in_the_way_of_others(outbox: Outbox, time: SimulatedTime) -> None:
    put(outbox, 1, 2, 3)
    first, second, _third = sealed(outbox, everything=True, batch_size=1)
    assert outbox.due() == first
    outbox.retry(first, batch_wait_seconds=0, service_wait_seconds=10)
    assert outbox.due() is None
    time.pass_by(10)
    assert outbox.due() == second


def test_a_halt_outlives_the_process_until_a_person_acts(
    outbox: Outbox, outbox_path: Path, time: SimulatedTime
) -> None:
    put(outbox, 1)
    sealed(outbox, everything=True)
    outbox.stop(Halt.GONE)
    with opened(outbox_path, Limits(age_seconds=WEEK), clock=time.clock()) as again:
        assert again.due() is None
        assert (stats(again).halt, next_seconds(again, 300)) == (Halt.GONE, None)
        again.resume()
    assert outbox.due() is not None


def test_the_oldest_make_room_and_are_counted(outbox_path: Path, time: SimulatedTime) -> None:
    limits = Limits(age_seconds=WEEK, documents=5, bytes=10_000)
    with opened(outbox_path, limits, clock=time.clock()) as outbox:
        put(outbox, 1, 2, 3)
        sealed(outbox, everything=True)
        put(outbox, 4, 5, 6)
        # The batch of the three oldest goes as a whole.
        assert stats(outbox).waiting_documents == 3
        (loss,) = outbox.losses()
        assert (loss.reason, loss.documents) == (LossReason.OVERFLOW, 3)
        outbox.put([document(7, padding=9_990)], consent_digest=CONSENT)
        assert outbox.losses()[0].documents == 3 + 4, "what never fits is dropped, and said to be"


def test_a_loss_is_told_once_and_not_with_it_what_was_lost_since(outbox: Outbox) -> None:
    put(outbox, 1)
    outbox.purge(LossReason.DELETED)
    (loss,) = outbox.losses()
    put(outbox, 2, 3)
    outbox.purge(LossReason.DELETED)
    outbox.told(loss)
    assert [each.documents for each in outbox.losses()] == [2]
    outbox.told(Loss(reason=LossReason.DELETED, documents=2, bytes=outbox.losses()[0].bytes))
    assert outbox.losses() == ()


def test_documents_and_receipts_age_away(outbox: Outbox, time: SimulatedTime) -> None:
    put(outbox, 1)
    (batch,) = sealed(outbox, everything=True)
    outbox.done(batch, RECEIPT)
    put(outbox, 2)
    put(outbox, 3)
    sealed(outbox, everything=True, batch_size=1)
    put(outbox, 4)
    outbox.bury(next(outbox.batches()), status=400)
    time.pass_by(WEEK)
    assert outbox.due() is None
    outbox.seal(RIPE, audit_head=None)
    assert [(each.reason, each.documents) for each in outbox.losses()] == [(LossReason.AGE, 3)]
    assert (list(receipts(outbox)), list(dead_letters(outbox))) == ([], [])


def test_what_may_leave_once_is_taken_once_whatever_became_of_it(outbox: Outbox, outbox_path: Path) -> None:
    outbox.put([fragment(1, once="2026-W01/region"), fragment(2, once="2026-W01/cpu")], consent_digest=CONSENT)
    outbox.purge(LossReason.CONSENT)
    outbox.put([fragment(3, once="2026-W01/region"), fragment(4, once="2026-W02/region")], consent_digest=CONSENT)
    assert stats(outbox).waiting_documents == 1


def test_another_consent_drops_what_was_collected_under_the_old_one(outbox: Outbox) -> None:
    put(outbox, 1)
    sealed(outbox, everything=True)
    put(outbox, 2)
    put(outbox, 3, consent="new")
    outbox.purge(LossReason.CONSENT, keep_consent="new")
    assert stats(outbox).waiting_documents == 1
    assert [each.documents for each in outbox.losses()] == [2]


def test_nothing_of_a_purged_document_stays_on_the_disk(outbox: Outbox, outbox_path: Path) -> None:
    outbox.put([document(1, padding=50_000)], consent_digest=CONSENT)
    put(outbox, *range(2, 50))
    files = [outbox_path, outbox_path.with_name(outbox_path.name + "-wal")]
    assert any(b"padding" in file.read_bytes() for file in files)
    outbox.purge(LossReason.CONSENT)
    assert not any(b"padding" in file.read_bytes() for file in files)


def test_bytes_that_changed_on_the_disk_are_dropped_not_sent(outbox: Outbox, outbox_path: Path) -> None:
    put(outbox, 1, 2)
    _, second = sealed(outbox, everything=True, batch_size=1)
    with sqlite3.connect(outbox_path) as other:
        other.execute("UPDATE batches SET body = x'00' WHERE batch_id <> ?", (second.batch_id,))
    other.close()
    assert outbox.due() == second
    assert [(each.reason, each.documents) for each in outbox.losses()] == [(LossReason.DAMAGE, 1)]


def test_a_fragment_goes_alone_and_not_before_its_time(outbox: Outbox, time: SimulatedTime) -> None:
    outbox.put([fragment(1, earliest=500), fragment(2, earliest=900)], consent_digest=CONSENT)
    assert next_seconds(outbox, 300) == 500
    assert sealed(outbox) == []
    time.pass_by(500)
    assert [batch.documents for batch in sealed(outbox)] == [1]
    assert outbox.due() is not None


def test_fragments_that_were_held_up_get_new_times_of_their_own(outbox: Outbox, time: SimulatedTime) -> None:
    outbox.put([fragment(n, earliest=n, latest=int(DAY)) for n in range(50)], consent_digest=CONSENT)
    time.pass_by(3600)  # nobody was there at their times
    assert sealed(outbox) == []
    waits = []
    while (wait := next_seconds(outbox, 300)) is not None:
        time.pass_by(wait + 0.001)  # a millisecond is below what the sum of two times can lose
        for batch in sealed(outbox):
            outbox.done(batch, RECEIPT)
            waits.append(wait)
    assert len(waits) == 50
    assert sum(wait == 0 for wait in waits) <= 2, "they do not leave together"


def test_a_failing_service_spreads_the_fragments_that_would_gather_before_it(
    outbox: Outbox, time: SimulatedTime
) -> None:
    put(outbox, 100)
    outbox.put([fragment(n, earliest=60, latest=int(DAY)) for n in range(20)], consent_digest=CONSENT)
    (batch,) = [each for each in sealed(outbox, batch_size=1) if not each.alone]
    outbox.retry(batch, batch_wait_seconds=0, service_wait_seconds=200)
    time.pass_by(200)
    assert len(sealed(outbox)) <= 2


def test_a_fragment_that_can_no_longer_go_in_its_window_is_dropped(outbox: Outbox, time: SimulatedTime) -> None:
    outbox.put([fragment(1, earliest=10, latest=1000)], consent_digest=CONSENT)
    time.pass_by(1000)
    assert sealed(outbox) == []
    assert [each.reason for each in outbox.losses()] == [LossReason.AGE]


def test_two_processes_share_one_outbox(outbox: Outbox, outbox_path: Path, time: SimulatedTime) -> None:
    limits = Limits(age_seconds=WEEK, documents=4)
    with (
        opened(outbox_path, limits, clock=time.clock(), rng=random.Random(1)) as one,
        opened(outbox_path, limits, clock=time.clock(), rng=random.Random(2)) as other,
    ):
        for number in range(10):
            put(one if number % 2 else other, number)
            assert stats(one).waiting_documents == stats(other).waiting_documents == min(number + 1, 4)
        assert one.losses()[0].documents == 6


def test_each_commit_is_flushed_to_the_disk(outbox: Outbox) -> None:
    settings = [outbox.connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    assert settings == ["wal", 2], "2 is FULL"


def test_a_retention_shorter_than_the_window_of_a_fragment_drops_none_before_its_time(
    outbox_path: Path, time: SimulatedTime
) -> None:
    with opened(outbox_path, Limits(age_seconds=DAY), clock=time.clock()) as outbox:
        outbox.put([fragment(1, earliest=int(5 * DAY), latest=int(6 * DAY))], consent_digest=CONSENT)
        time.pass_by(0.8 * DAY)
        assert sealed(outbox) == []
        time.pass_by(DAY / 30)
        assert len(sealed(outbox)) == 1
        assert outbox.losses() == ()
