"""Disks that are full or read-only, files that are damaged, and a loop that hangs."""

import os
import shutil
import time
from pathlib import Path

import pytest

from agent.daemon.daemon import Daemon
from agent.daemon.handover import handed_over, resident
from agent.daemon.health import Health, answering
from agent.log import Log
from agent.settings import load
from agent.state import State
from tests.agent.daemon.parts import Agent, Place
from tests.agent.delivery.service import Service

needs_mounts = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None, reason="only root may mount, in a namespace of its own"
)


def mounted(place: Place, options: str) -> tuple[str, ...]:
    """What goes before a command so that its state directory is a file system of its own."""
    place.state.mkdir(exist_ok=True)
    script = f'mount -t tmpfs -o {options} tmpfs {place.state} && exec "$@"'
    return ("unshare", "--mount", "sh", "-c", script, "sh")


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


@needs_mounts
def test_a_read_only_disk_is_said_in_one_line(place: Place) -> None:
    ended = place.run(before=mounted(place, "ro"))
    assert ended.returncode == 3
    assert f"can't use {place.state}: Read-only file system" in ended.stderr.splitlines()[-1]


@needs_mounts
def test_a_disk_that_is_full_from_the_start_is_said_in_one_line(place: Place) -> None:
    ended = place.run(before=mounted(place, "size=4k"))
    assert ended.returncode == 3
    assert "No space left on device" in ended.stderr.splitlines()[-1]


@needs_mounts
def test_a_disk_that_fills_up_pauses_the_agent_until_there_is_room(place: Place, service: Service) -> None:
    with Agent(place, before=mounted(place, "size=1m,mode=700")) as agent:
        agent.wait_ready()
        state = Path(f"/proc/{agent.process.pid}/root{place.state}")
        with pytest.raises(OSError, match="No space left"):
            fill(state / "filling")
        # What has a task begun: consent that looks changed. What it then needs room for: an outbox that has none.
        os.utime(state / "consent.json")
        (state / "outbox.db").write_bytes(b"")
        agent.wait_paused("unchecked")
        agent.wait_until(lambda: "make room" in agent.log)
        (state / "filling").unlink()
        agent.wait_ready()
        assert agent.log.count("make room") == 1
    assert service.counted == []


def test_a_corrupt_outbox_is_set_aside_at_the_start_and_said(place: Place) -> None:
    State(place.state).prepare()
    (place.state / "outbox.db").write_bytes(os.urandom(50_000))
    with Agent(place) as agent:
        agent.wait_ready()
        agent.stop()
        assert agent.log.count("the outbox was corrupt: it was set aside and begun anew") == 1
    assert (place.state / "outbox.db.damaged-1").exists()
    assert "set_aside" in place.audit()


def test_an_outbox_that_is_damaged_in_mid_run_is_mended_by_the_daemon_itself(place: Place) -> None:
    with Agent(place) as agent:
        agent.wait_ready()
        (place.state / "outbox.db").write_bytes(os.urandom(50_000))
        os.utime(place.state / "consent.json")
        agent.wait_until(lambda: "it was set aside and begun anew" in agent.log)
        agent.wait_ready()


def test_what_can_not_be_known_is_not_allowed(place: Place, service: Service) -> None:
    place.make_due()
    (place.state / "consent.json").write_text("{ damaged")
    with Agent(place) as agent:
        agent.wait_until(lambda: agent.metric("tasks_total", task="start", ending="unusable"))
        assert agent.get("/readyz") == (503, "paused: unchecked\n")
        agent.stop()
        assert "is no consent record: remove it" in agent.log
        assert agent.log.count("is no consent record") == 1
    assert "collected" not in place.audit()
    assert service.connections == 0


def test_liveness_fails_when_the_loop_stalls(place: Place) -> None:
    daemon = Daemon(resident(handed_over(load(place.config, {}))), Log("console"))
    health = Health(metrics=bytes, stalled=daemon._is_stalled, unready=daemon._unready)
    asked = Agent.__new__(Agent)
    asked.place = place
    with answering("[::1]:0", health):
        pass
    with answering(f"127.0.0.1:{place.port}", health):
        assert asked.get("/healthz") == (200, "ok\n")
        daemon._turned_at = time.monotonic() - 3600
        assert asked.get("/healthz") == (503, "stalled\n")
