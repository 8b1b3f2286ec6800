"""The outbox in bad weather: damaged, full, read-only, foreign, shared, and with clocks that jump."""

import gzip
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.delivery.elapsed import beginning, elapsed, moved, system_clock
from agent.delivery.outbox import Limits, Outbox, opened
from agent.delivery.outbox_rows import Halt
from agent.delivery.outbox_seal import Ripeness
from agent.delivery.outbox_view import next_seconds, stats
from agent.errors import Locked, StateUnusable
from agent.lock import held
from tests.agent.delivery.parts import CONSENT, DAY, WEEK, SimulatedTime, document, fragment

LIMITS = Limits(age_seconds=WEEK)
RIPE = Ripeness(batch_size=10, flush_interval_seconds=300)


def filled(path: Path, documents: int = 20) -> None:
    with opened(path, LIMITS) as outbox:
        outbox.put([document(n, padding=500) for n in range(documents)], consent_digest=CONSENT)


def test_a_damaged_file_is_set_aside_said_and_begun_anew(outbox_path: Path) -> None:
    filled(outbox_path)
    outbox_path.write_bytes(b"\0" * 100 + outbox_path.read_bytes()[100:])
    asides: list[Path] = []
    with opened(outbox_path, LIMITS, repair=asides.append) as outbox:
        outbox.put([document(1)], consent_digest=CONSENT)
        assert stats(outbox).waiting_documents == 1
    assert [aside.name for aside in asides] == ["outbox.db.damaged-1"]
    assert asides[0].exists()


def test_who_does_not_hold_the_lock_takes_no_damaged_file_away(outbox_path: Path) -> None:
    filled(outbox_path)
    outbox_path.write_bytes(b"rubbish" * 1000)
    with pytest.raises(StateUnusable, match="damaged"), opened(outbox_path, LIMITS):
        pass
    assert outbox_path.read_bytes() == b"rubbish" * 1000


@settings(deadline=None, max_examples=40)
@example(share=0.0625, rubbish=b"\x80")
@given(share=st.floats(0, 1), rubbish=st.binary(min_size=1, max_size=300))
def test_whatever_is_done_to_the_file_the_agent_goes_on(share: float, rubbish: bytes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "outbox.db"
        filled(path, 5)
        content = bytearray(path.read_bytes())
        at = int(share * (len(content) - 1))
        content[at : at + len(rubbish)] = rubbish
        path.write_bytes(content)
        try:
            with opened(path, LIMITS, repair=lambda _aside: None) as outbox:
                outbox.put([document(1)], consent_digest=CONSENT)
                outbox.seal(replace(RIPE, everything=True), audit_head=None)
                while (batch := outbox.due()) is not None:
                    outbox.bury(batch, status=400)
        except StateUnusable as error:
            # Found only while at work, or a header that reads as a later version: said in one line.
            said = str(error)
        else:
            said = ""
        assert "\n" not in said


@pytest.mark.parametrize(
    ("word", "rubbish"), [(b"standard", b"standbrd"), (b"CREATE TABLE reports", b"CREATE TABLE \x80eports")]
)
def test_a_word_with_a_flipped_bit_is_damage(outbox_path: Path, word: bytes, rubbish: bytes) -> None:
    filled(outbox_path)
    content = outbox_path.read_bytes()
    assert word in content
    outbox_path.write_bytes(content[: content.rindex(word)] + rubbish + content[content.rindex(word) + len(word) :])
    asides: list[Path] = []
    with opened(outbox_path, LIMITS, repair=asides.append) as outbox:
        assert stats(outbox).waiting_documents == 0
    assert len(asides) == 1


def test_another_programs_database_is_left_alone(outbox_path: Path) -> None:
    with closing(sqlite3.connect(outbox_path)) as other:
        other.execute("CREATE TABLE theirs (x)")
        other.commit()
    before = outbox_path.read_bytes()
    with pytest.raises(StateUnusable, match="another program"), opened(outbox_path, LIMITS, repair=lambda _: None):
        pass
    assert outbox_path.read_bytes() == before


def test_a_file_of_a_later_release_is_left_alone(outbox_path: Path) -> None:
    filled(outbox_path)
    with closing(sqlite3.connect(outbox_path)) as other:
        other.execute("PRAGMA user_version = 99")
    with pytest.raises(StateUnusable, match="version 99"), opened(outbox_path, LIMITS, repair=lambda _: None):
        pass


def test_a_file_of_an_earlier_release_goes_on_and_its_halt_is_no_later_than_now(outbox_path: Path) -> None:
    with closing(sqlite3.connect(outbox_path)) as older:
        older.executescript(Path(__file__).with_name("outbox-1.sql").read_text())
        older.execute("PRAGMA application_id = 1886549103")
        older.execute("PRAGMA user_version = 1")
    before = datetime.now(UTC).replace(microsecond=0)
    for _ in range(2):
        with opened(outbox_path, LIMITS) as outbox:
            assert stats(outbox).waiting_documents == 2
            halted = outbox.service()
            assert halted.halt is Halt.GONE
            assert halted.halted_at is not None
            assert before <= halted.halted_at <= datetime.now(UTC)
            assert outbox.due() is None
    with opened(outbox_path, LIMITS) as outbox:
        outbox.resume()
        assert outbox.service().halted_at is None
        [batch] = outbox.batches()
        assert gzip.decompress(batch.body) == b'{"documents":[{"id":1,"padding":""}]}'


def test_a_directory_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StateUnusable, match="make room, make it writable"), opened(tmp_path / "no" / "o.db", LIMITS):
        pass


def fill_up(outbox: Outbox, taken: list[int]) -> None:
    pages = outbox.connection.execute("PRAGMA page_count").fetchone()[0]
    outbox.connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    for number in count(100):
        outbox.put([document(number, padding=3000)], consent_digest=CONSENT)
        taken.append(number)


def test_a_full_disk_loses_nothing_that_was_acknowledged(outbox_path: Path) -> None:
    filled(outbox_path, 3)
    taken: list[int] = []
    with pytest.raises(StateUnusable, match="full"), opened(outbox_path, LIMITS) as outbox:
        fill_up(outbox, taken)
    with opened(outbox_path, LIMITS) as outbox:
        assert stats(outbox).waiting_documents == 3 + len(taken)
        outbox.put([document(1)], consent_digest=CONSENT)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can drop to another user")
def test_a_read_only_file_is_said_and_stays_as_it_is(outbox_path: Path) -> None:
    filled(outbox_path)
    code = f"""
import os
from pathlib import Path
from agent.delivery.outbox import Limits, opened
from tests.agent.delivery.parts import document
os.setgid(65534); os.setuid(65534)
with opened(Path({str(outbox_path)!r}), Limits(age_seconds=1e6), repair=lambda aside: None) as outbox:
    outbox.put([document(1)], consent_digest="c")
"""
    for directory in (outbox_path.parent, *outbox_path.parent.parents[:3]):
        if directory.stat().st_uid == os.geteuid():
            directory.chmod(0o755)
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "StateUnusable: can't use the outbox" in ran.stderr, ran.stderr
    with opened(outbox_path, LIMITS) as outbox:
        assert stats(outbox).waiting_documents == 20


def test_two_agents_on_one_state_directory_do_not_work(tmp_path: Path) -> None:
    code = f"from pathlib import Path; from agent.lock import held\nwith held(Path({str(tmp_path / 'lock')!r})): pass"
    with held(tmp_path / "lock"):
        with pytest.raises(Locked, match=rf"process {os.getpid()}\b"), held(tmp_path / "lock"):
            pass
        ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert "Locked: another agent" in ran.stderr
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_lock_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    with pytest.raises(StateUnusable, match="state_dir"), held(tmp_path / "missing" / "lock"):
        pass


JUMPS = st.sampled_from([-30 * 365 * DAY, -DAY, -1.0, 0.0, 1.0, DAY, 30 * 365 * DAY])


@settings(deadline=None, max_examples=30)
@given(jumps=st.lists(JUMPS, min_size=1, max_size=4))
def test_a_wall_clock_that_jumps_strands_floods_and_ages_nothing(jumps: list[float]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path, time = Path(directory) / "outbox.db", SimulatedTime()
        with opened(path, LIMITS, clock=time.clock()) as outbox:
            outbox.put([document(1), fragment(2, earliest=7200)], consent_digest=CONSENT)
        for jump in jumps:
            time.wall_seconds += jump
            with opened(path, LIMITS, clock=time.clock()) as outbox:
                outbox.seal(RIPE, audit_head=None)
                assert next_seconds(outbox, 300) == pytest.approx(300)
                assert stats(outbox).oldest_age_seconds == pytest.approx(0, abs=1e-6)
        time.pass_by(300)
        with opened(path, LIMITS, clock=time.clock()) as outbox:
            outbox.seal(RIPE, audit_head=None)
            assert outbox.due() is not None
            assert stats(outbox).waiting_documents == 2
            assert outbox.losses() == ()


def test_a_restart_of_the_machine_believes_the_wall_clock_but_not_backwards(outbox_path: Path) -> None:
    time = SimulatedTime()
    with opened(outbox_path, LIMITS, clock=time.clock(), rng=random.Random(1)) as outbox:
        outbox.put([document(1)], consent_digest=CONSENT)
    for passed, age in ((DAY, DAY), (-20 * 365 * DAY, DAY), (2 * DAY, 3 * DAY)):
        time.restart_machine()
        time.wall_seconds += passed
        with opened(outbox_path, LIMITS, clock=time.clock()) as outbox:
            assert stats(outbox).oldest_age_seconds == pytest.approx(age)


def test_time_goes_on_while_nobody_looks() -> None:
    time = SimulatedTime()
    anchor = beginning(time.clock())
    time.boot_seconds += 50
    assert elapsed(anchor, time.clock()) == 50
    later = moved(anchor, time.clock())
    time.boot_seconds -= 20  # another process was quicker to look
    assert elapsed(later, time.clock()) == 50


def test_without_a_boot_id_each_start_is_taken_for_a_new_boot() -> None:
    time = SimulatedTime(boot=None)
    anchor = beginning(time.clock())
    time.boot_seconds, time.wall_seconds = 0.0, time.wall_seconds + 60
    assert moved(anchor, time.clock()).elapsed_seconds == 60


def test_this_machine_tells_its_boot() -> None:
    clock = system_clock()
    assert clock.boot_seconds() > 0
    assert clock.boot is None or len(clock.boot) == 36
