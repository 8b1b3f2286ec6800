"""What answering a request needs, made once; routes find it in `request.app.state.service`."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from sqlalchemy import Engine
from starlette.requests import Request

from corrective_drift.baselines import Baselines
from corrective_drift.limits import OWN_RATE, SHARED_RATE, Limits, Rate
from corrective_drift.log import Event, Log
from corrective_drift.metrics import Metrics
from corrective_drift.problems import Problem
from corrective_drift.receipts import Signer
from corrective_drift.recommendations.prices import Prices
from corrective_drift.retention import expire
from corrective_drift.room import Room
from corrective_drift.tokens import digest
from corrective_drift.writer import Writer

_DAY_SECONDS = 24 * 3600.0


def utc_today() -> date:
    """Return today in UTC, which all days of the service are in."""
    return datetime.now(UTC).date()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an operator chooses."""

    retention_days: int = 400
    """For reports and receipts: a year to compare with, and a month to do it in."""
    own_rate: Rate = OWN_RATE
    shared_rate: Rate = SHARED_RATE
    api_keys: frozenset[bytes] = frozenset()
    """The SHA-256 of each key that opens premium insights; without any, everybody gets them."""
    simulation: bool = False
    """Whether it takes synthetic clusters, and these alone."""
    prices: Prices = field(default_factory=Prices)
    """For what could be saved; without any, savings are in cores, GiB and nodes."""


@dataclass(kw_only=True)
class Service:
    """The parts of a running service."""

    engine: Engine
    signer: Signer
    log: Log
    settings: Settings = field(default_factory=Settings)
    today: Callable[[], date] = utc_today
    metrics: Metrics = field(default_factory=Metrics)
    room: Room = field(default_factory=Room)
    limits: Limits = field(init=False)
    writer: Writer = field(init=False)
    baselines: Baselines = field(init=False)

    def __post_init__(self) -> None:
        self.limits = Limits(own=self.settings.own_rate, shared=self.settings.shared_rate, monotonic=time.monotonic)
        self.baselines = Baselines(self.engine)
        self.writer = Writer(self.engine, today=self.today, metrics=self.metrics, log=self.log)

    def is_premium(self, api_key: str | None) -> bool:
        """Tell whether a request may have premium insights."""
        keys = self.settings.api_keys
        # A digest is looked up: how long that takes tells nothing about any other key.
        return not keys or (api_key is not None and digest(api_key) in keys)

    async def expire_daily(self) -> None:
        """Remove what is too old, now and once a day, until cancelled."""
        while True:
            # While the database is out of reach, the writer says so; a day later is early enough.
            with suppress(Problem):
                expired = await self.writer.run(
                    lambda connection: expire(
                        connection, today=self.today(), retention_days=self.settings.retention_days
                    )
                )
                if expired.reports or expired.batches:
                    self.log.say(Event.EXPIRED, reports=expired.reports, batches=expired.batches)
            await asyncio.sleep(_DAY_SECONDS)


def service_of(request: Request) -> Service:
    """Return the service that a request came to."""
    service: Service = request.app.state.service
    return service
