"""The audit trail: what it takes, and that nothing can be changed in it without showing."""

import json
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.delivery import audit_events
from agent.delivery.answers import Failure
from agent.delivery.audit import NO_HEAD, Head, Trail
from agent.delivery.audit_check import Breach, Broken, verify
from agent.delivery.audit_events import Delivered, Dropped, Event, Failed, IdRotated, Sending
from agent.delivery.outbox_rows import LossReason
from agent.errors import StateUnusable
from agent.levels import DataType, Level
from tests.agent.delivery.parts import SimulatedTime


def dropped(documents: int) -> Dropped:
    return Dropped(reason=LossReason.AGE, documents=documents, bytes=1)


def written(path: Path, count: int) -> list[Head]:
    trail = Trail(path)
    return [trail.append(dropped(number)) for number in range(count)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_trail_begins_counts_and_verifies(path: Path) -> None:
    heads = written(path, 3)
    assert [line["event"] for line in lines(path)] == ["begun", "dropped", "dropped", "dropped"]
    assert [line["n"] for line in lines(path)] == [1, 2, 3, 4]
    assert verify(path) == heads[-1] == Trail(path).head()
    assert path.stat().st_mode & 0o077 == 0


EVENTS = [each for each in vars(audit_events).values() if isinstance(each, type) and issubclass(each, Event)]


def test_every_event_has_a_name_of_its_own() -> None:
    named = [each.name for each in EVENTS if each is not Event]
    assert len(set(named)) == len(named) > 10


@given(value=st.text() | st.floats() | st.binary() | st.lists(st.text(), min_size=1) | st.integers(max_value=-1))
def test_only_closed_values_get_in(value: object) -> None:
    event = Delivered(batch="b", receipt=value, accepted=1)  # type: ignore[arg-type]  # what a mistake would pass
    closed = isinstance(value, str) and value.isascii() and len(value) <= 64 and value.replace("-", "_").isidentifier
    if closed and value and all(c.isalnum() or c in "-_" for c in str(value)):
        return
    with pytest.raises(TypeError) as raised:
        event.values()
    assert str(raised.value) == "the audit trail takes no such value as receipt"


def test_enums_numbers_and_absence_are_written_as_json_has_them() -> None:
    assert Failed(status=None, failure=Failure.TLS).values() == {"status": None, "failure": "tls"}
    consent = audit_events.ConsentGranted(
        consent="ab", level=Level.MINIMAL, data_types=tuple(DataType), schema_digest="cd", bound_at_start=True
    )
    assert consent.values()["data_types"] == sorted(DataType)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_any_change_removal_or_reordering_shows(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "audit.jsonl"
        told = [str(head) for head in written(path, 6)]
        original = path.read_bytes()
        whole = original.splitlines(keepends=True)
        match data.draw(st.sampled_from(["byte", "remove", "swap", "repeat", "cut"])):
            case "byte":
                at = data.draw(st.integers(0, len(original) - 1))
                changed = bytearray(original)
                changed[at] ^= data.draw(st.integers(1, 255))
                path.write_bytes(changed)
            case "remove":
                begin = data.draw(st.integers(0, len(whole) - 1))
                end = data.draw(st.integers(begin + 1, len(whole)))
                path.write_bytes(b"".join(whole[:begin] + whole[end:]))
            case "swap":
                one, other = data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=2, max_size=2, unique=True))
                whole[one], whole[other] = whole[other], whole[one]
                path.write_bytes(b"".join(whole))
            case "repeat":
                at = data.draw(st.integers(0, len(whole) - 1))
                path.write_bytes(b"".join([*whole[: at + 1], *whole[at:]]))
            case _:
                path.write_bytes(original[: data.draw(st.integers(0, len(original) - 1))])
        assert isinstance(verify(path, told), Broken)


def test_the_first_broken_line_is_named_with_what_is_wrong(path: Path) -> None:
    heads = [str(head) for head in written(path, 4)]
    whole = path.read_bytes().splitlines(keepends=True)
    for content, heads_told, expected in (
        ([whole[0], whole[1].replace(b'"documents":0', b'"documents":9'), *whole[2:]], [], (3, Breach.CHANGED)),
        ([*whole[:2], *whole[3:]], [], (3, Breach.CHANGED)),
        (whole[1:], [], (1, Breach.BEGINNING_REMOVED)),
        ([*whole[:2], b"rubbish\n", *whole[2:]], [], (3, Breach.UNREADABLE)),
        ([*whole, b'{"n":'], [], (6, Breach.CUT_SHORT)),
        (whole[:3], heads, (3, Breach.END_REMOVED)),
        (whole, [f"3:{NO_HEAD}"], (3, Breach.NOT_AS_TOLD)),
    ):
        path.write_bytes(b"".join(content))
        broken = verify(path, heads_told)
        assert isinstance(broken, Broken)
        assert (broken.line, broken.breach) == expected
        assert str(broken).startswith(f"line {expected[0]} ")


@settings(deadline=None, max_examples=30)
@given(cut=st.integers(1, 200))
def test_a_line_that_a_crash_cut_short_is_removed_and_that_is_said(cut: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "audit.jsonl"
        written(path, 2)
        content = path.read_bytes()
        last = len(content.splitlines(keepends=True)[-1])
        kept = min(cut, last - 1)
        path.write_bytes(content[: len(content) - last + kept])
        assert isinstance(verify(path), Broken)
        head = Trail(path).append(IdRotated())
        assert verify(path) == head
        assert [line["event"] for line in lines(path)] == ["begun", "dropped", "recovered", "id_rotated"]
        assert lines(path)[2]["bytes"] == kept


@pytest.mark.parametrize(
    "rubbish", [b"\0" * 100 + b"\n", b"\0" * 9000, b"[1]\n", b'{"n":"x"}\n'], ids=["line", "long", "list", "n"]
)
def test_an_end_that_nothing_can_follow_is_set_aside_and_that_is_said(path: Path, rubbish: bytes) -> None:
    told = [str(head) for head in written(path, 2)]
    damaged = path.read_bytes() + rubbish
    path.write_bytes(damaged)
    Trail(path).append(IdRotated())
    assert [line["event"] for line in lines(path)] == ["begun", "set_aside", "id_rotated"]
    assert path.with_name("audit.jsonl.damaged-1").read_bytes() == damaged
    assert isinstance(verify(path), Head)
    assert isinstance(verify(path, [*told, f"9:{NO_HEAD}"]), Broken), "who holds a head still knows"


def test_what_is_old_is_removed_and_the_rest_still_verifies(path: Path, time: SimulatedTime) -> None:
    trail = Trail(path, now=time.now)
    heads = []
    for day in range(20):
        heads.append(str(trail.append(dropped(day))))
        time.pass_by(86_400)
        trail.rotate(timedelta(days=7))
        assert isinstance(verify(path, heads), Head)
    assert len(lines(path)) < 20
    rotated = [line for line in lines(path) if line["event"] == "rotated"]
    assert rotated[-1]["lines"] == lines(path)[0]["n"] - 1
    assert lines(path)[-1]["n"] > 20
    time.pass_by(30 * 86_400)
    trail.rotate(timedelta(days=7))
    assert [line["event"] for line in lines(path)] == ["rotated"]
    assert isinstance(verify(path, heads), Head)
    assert isinstance(trail.append(IdRotated()), Head)
    assert isinstance(verify(path, heads), Head)


def test_a_rotation_that_removes_nothing_writes_nothing(path: Path, time: SimulatedTime) -> None:
    trail = Trail(path, now=time.now)
    trail.append(dropped(1))
    before = path.read_bytes()
    trail.rotate(timedelta(days=7))
    assert path.read_bytes() == before


def test_removing_the_beginning_without_a_rotation_shows(path: Path, time: SimulatedTime) -> None:
    trail = Trail(path, now=time.now)
    for day in range(10):
        trail.append(dropped(day))
        time.pass_by(86_400)
    trail.rotate(timedelta(days=7))
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[1:]))
    assert verify(path) == Broken(1, Breach.BEGINNING_REMOVED)


def test_the_head_right_before_the_first_line_is_compared_too(path: Path, time: SimulatedTime) -> None:
    trail = Trail(path, now=time.now)
    trail.append(dropped(1))
    last = trail.head()
    time.pass_by(95 * 86_400)
    trail.append(dropped(2))
    trail.rotate(timedelta(days=90))
    assert lines(path)[0]["n"] == last.lines + 1
    assert isinstance(verify(path, [f"{last.lines}:{last.digest}"]), Head)
    assert verify(path, [f"{last.lines}:{NO_HEAD}"]) == Broken(1, Breach.CHANGED)


def test_a_link_in_the_place_of_the_trail_or_of_its_lock_is_not_followed(path: Path, tmp_path: Path) -> None:
    written(path, 1)
    for name in [each.name for each in tmp_path.iterdir()]:
        kept = tmp_path / f"kept-{name}"
        (tmp_path / name).rename(kept)
        (tmp_path / name).symlink_to(kept)
        before = kept.read_bytes()
        with pytest.raises(StateUnusable):
            Trail(path).append(dropped(2))
        assert kept.read_bytes() == before
        (tmp_path / name).unlink()
        kept.rename(tmp_path / name)


def test_processes_that_write_at_once_make_one_chain(path: Path) -> None:
    code = f"""
from pathlib import Path
from tests.agent.delivery.test_audit import written
print("ready", flush=True)
input()
written(Path({str(path)!r}), 100)
"""
    command = [sys.executable, "-c", code]
    with ExitStack() as children:
        started = [
            children.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            for _ in range(3)
        ]
        for child in started:
            child.stdout.readline()
        for child in started:
            child.stdin.write("go\n")
            child.stdin.flush()
        assert [child.wait() for child in started] == [0, 0, 0]
    head = verify(path)
    assert isinstance(head, Head)
    assert head.lines == 1 + 3 * 100


def test_a_full_disk_leaves_a_trail_that_verifies(path: Path) -> None:
    code = f"""
import resource, signal
from pathlib import Path
from agent.errors import StateUnusable
from tests.agent.delivery.test_audit import written
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    written(Path({str(path)!r}), 40)
except StateUnusable as error:
    print(error)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.startswith("can't write the audit trail")
    assert ran.stdout.count("\n") == 1
    assert isinstance(verify(path), Head)
    assert path.stat().st_size <= 1000


def test_a_trail_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StateUnusable, match="can't read the audit trail"):
        verify(tmp_path / "missing")
    with pytest.raises(StateUnusable, match="state_dir"):
        Trail(tmp_path / "missing" / "audit.jsonl").append(IdRotated())


def test_what_may_not_be_written_leaves_the_file_untouched(path: Path) -> None:
    written(path, 1)
    before = path.read_bytes()
    wrong = Sending(batch="a name of a cluster", level=Level.MINIMAL, documents=1, bytes=1, sha256="ab")
    with pytest.raises(TypeError):
        Trail(path).append(wrong)
    assert path.read_bytes() == before
