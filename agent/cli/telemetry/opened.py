"""What every command begins with: the configuration, the state directory, and whether anything stops the agent."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import click

from agent.configuration import Configuration
from agent.daemon.consent_changes import limits
from agent.daemon.switches import asked, consent_in_force, stop_now
from agent.delivery.outbox import Outbox
from agent.delivery.outbox import opened as opened_outbox
from agent.levels import Level
from agent.privacy.consent import Asked, ConsentRecord
from agent.privacy.stops import Stop
from agent.settings import Settings, load
from agent.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The agent as it is configured here."""

    settings: Settings
    state: State

    @property
    def configuration(self) -> Configuration:
        """What it was told."""
        return self.settings.configuration

    @property
    def asked(self) -> Asked:
        """What the configuration asks to collect."""
        return asked(self.configuration)

    def at(self, level: Level) -> "Opened":
        """Return the same at another level."""
        telemetry = self.configuration.telemetry.model_copy(update={"privacy_level": level})
        configuration = self.configuration.model_copy(update={"telemetry": telemetry})
        return replace(self, settings=replace(self.settings, configuration=configuration))

    def consent(self) -> ConsentRecord | None:
        """Return the consent in force. Raises StateUnusable."""
        return consent_in_force(self.settings, self.state)

    def stop(self) -> Stop | None:
        """Return what stands against working, None where nothing does. Raises StateUnusable."""
        with self.outbox() as outbox:
            return stop_now(self.settings, self.state, None if outbox is None else outbox.service().halt)

    @contextmanager
    def outbox(self) -> Iterator[Outbox | None]:
        """Yield the outbox, None where there never was one: looking must not create it. Raises StateUnusable."""
        if not self.state.outbox.exists():
            yield None
            return
        with opened_outbox(self.state.outbox, limits(self.retention_days)) as outbox:
            yield outbox

    @property
    def retention_days(self) -> int:
        """How long anything is kept here."""
        return self.configuration.telemetry.local_retention_days


def open_agent(ctx: click.Context) -> Opened:
    """Read the configuration that `--config` names. Raises InvalidSettings."""
    settings = load(ctx.obj)
    return Opened(settings=settings, state=State(settings.state_directory))


def now() -> datetime:
    """Return the time, with its zone."""
    return datetime.now(UTC)
