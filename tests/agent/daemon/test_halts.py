"""What ends a halt of the service, and what does not: each order in which consent and halt can come."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.daemon.consent_changes import record_deletion, record_grant, record_revocation
from agent.daemon.cycle import Cycle
from agent.daemon.switches import asked
from agent.daemon.tasks import Task
from agent.delivery.elapsed import system_clock
from agent.delivery.outbox import Limits, Outbox, opened
from agent.delivery.outbox_rows import Halt
from agent.log import Log
from agent.privacy.consent import ConsentRecord, grant, read_consent, revoke
from agent.privacy.stops import Stop
from agent.settings import Settings, load
from agent.state import State

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)
DAYS = 7


class Installation:
    """An agent's configuration and state, and what happens to them."""

    def __init__(self, directory: Path) -> None:
        self._config = directory / "config.yaml"
        self.state = State(directory / "state")
        self._section: dict[str, Any] = {}

    def write_section(self, dated: datetime, version: str = "1.0") -> None:
        policy = "https://example.org/privacy"
        self._section = {"timestamp": dated.isoformat(), "version": version, "privacy_policy_url": policy}
        telemetry = {"enabled": True, "privacy_level": "standard", "state_dir": str(self.state.directory)}
        self._config.write_text(yaml.safe_dump({"telemetry": telemetry, "consent": self._section}))

    @property
    def settings(self) -> Settings:
        return load(self._config, {})

    @property
    def consent(self) -> ConsentRecord:
        kept = read_consent(self.state.consent)
        assert kept is not None
        return kept

    def restart(self) -> str | None:
        """Start, as the daemon does first of all, and return what it then stands paused by."""
        return Cycle(self.settings, Log("console")).perform(Task.START).stop

    def hear_halt(self, at: datetime, *, under: ConsentRecord | None = None) -> None:
        """Take a 410 in, as a flush does, by a clock that shows `at`."""
        with self._outbox(at) as outbox:
            outbox.stop(Halt.GONE, after=((under or self.consent).latest_act_at,))

    def grant_by_command(self, at: datetime) -> None:
        record = grant(asked(self.settings.configuration), policy_version="1.0", now=at, before=self.consent)
        record_grant(self.state, record, bound_at_start=False, retention_days=DAYS)

    def revoke(self, at: datetime) -> None:
        record_revocation(self.state, revoke(self.consent, now=at), retention_days=DAYS)

    def delete(self) -> None:
        record_deletion(self.state, self.settings.configuration.consent, retention_days=DAYS)

    @contextmanager
    def _outbox(self, at: datetime) -> Iterator[Outbox]:
        clock = replace(system_clock(), wall_seconds=at.timestamp)
        with opened(self.state.outbox, Limits(age_seconds=1), clock=clock) as outbox:
            yield outbox


@pytest.fixture
def installed(tmp_path: Path) -> Installation:
    """One that was consented to ten hours ago, and is at work."""
    installation = Installation(tmp_path)
    installation.write_section(NOW - 10 * HOUR)
    assert installation.restart() is None
    return installation


def test_a_halt_outlasts_a_restart(installed: Installation) -> None:
    installed.hear_halt(NOW - HOUR)
    assert installed.restart() == Stop.SERVICE_GONE


def test_a_section_that_was_written_before_a_halt_and_bound_after_it_does_not_end_it(installed: Installation) -> None:
    installed.write_section(NOW - 2 * HOUR)
    installed.hear_halt(NOW - HOUR)
    assert installed.restart() == Stop.SERVICE_GONE
    assert installed.consent.granted_at == NOW - 2 * HOUR, "it is the consent in force all the same"
    assert installed.restart() == Stop.SERVICE_GONE


def test_a_section_that_is_written_after_a_halt_ends_it(installed: Installation) -> None:
    installed.write_section(NOW - 2 * HOUR)
    installed.hear_halt(NOW - HOUR)
    installed.restart()
    installed.write_section(NOW - HOUR / 2)
    assert installed.restart() is None


def test_a_halt_under_a_section_that_is_in_force_is_not_ended_by_it(installed: Installation) -> None:
    installed.write_section(NOW - 2 * HOUR)
    assert installed.restart() is None
    installed.hear_halt(NOW - HOUR)
    assert installed.restart() == Stop.SERVICE_GONE


def test_a_section_under_an_old_time_stamp_does_not_end_a_halt(installed: Installation) -> None:
    installed.hear_halt(NOW - HOUR)
    installed.write_section(NOW - 10 * HOUR, version="1.1")
    assert installed.restart() == Stop.SERVICE_GONE
    assert installed.consent.policy_version == "1.1"


def test_a_command_ends_a_halt_and_not_one_that_it_came_before(installed: Installation) -> None:
    under = installed.consent
    installed.hear_halt(NOW - 2 * HOUR)
    installed.grant_by_command(NOW - HOUR)
    assert installed.restart() is None
    # The answer to a request that was under way.
    installed.hear_halt(NOW - HOUR / 2, under=under)
    assert installed.restart() == Stop.SERVICE_GONE


@pytest.mark.parametrize("wrong", [timedelta(days=-400), timedelta(days=400)], ids=["behind", "ahead"])
def test_a_command_ends_a_halt_whatever_the_clock_says(wrong: timedelta, installed: Installation) -> None:
    installed.hear_halt(NOW - HOUR)
    installed.grant_by_command(NOW + wrong)
    assert installed.restart() is None


@pytest.mark.parametrize("wrong", [timedelta(days=-400), timedelta(days=400)], ids=["behind", "ahead"])
def test_no_clock_ends_a_halt_by_the_consent_that_it_was_heard_under(wrong: timedelta, installed: Installation) -> None:
    installed.hear_halt(NOW + wrong)
    installed.state.consent.unlink()
    assert installed.restart() == Stop.SERVICE_GONE


def test_a_halt_is_not_ended_where_the_state_lost_the_consent_alone(installed: Installation) -> None:
    installed.hear_halt(NOW - HOUR)
    installed.state.consent.unlink()
    assert installed.restart() == Stop.SERVICE_GONE
    installed.state.consent.unlink()
    installed.write_section(NOW)
    assert installed.restart() is None, "this one is a new act, whatever was lost"


def test_a_second_halt_by_a_clock_that_was_set_back_is_no_earlier_than_the_first(installed: Installation) -> None:
    installed.hear_halt(NOW - HOUR)
    installed.hear_halt(NOW - 5 * HOUR)
    installed.write_section(NOW - 2 * HOUR)
    assert installed.restart() == Stop.SERVICE_GONE


@pytest.mark.parametrize("dated", [NOW - HOUR, NOW + 8 * HOUR], ids=["before", "ahead of the clock"])
def test_a_section_that_was_there_at_a_deletion_does_not_end_its_halt(dated: datetime, installed: Installation) -> None:
    installed.write_section(dated)
    installed.delete()
    assert installed.restart() == Stop.SERVICE_GONE
    installed.write_section(NOW + 9 * HOUR)
    assert installed.restart() is None


def test_a_deletion_after_a_revocation_is_ended_by_what_is_later_than_both(installed: Installation) -> None:
    installed.revoke(NOW - 2 * HOUR)
    installed.delete()
    installed.write_section(NOW - HOUR)
    assert installed.restart() == Stop.SERVICE_GONE, "later than the revocation, earlier than the deletion"
    installed.write_section(NOW + HOUR)
    assert installed.restart() is None
