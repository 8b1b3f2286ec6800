"""What the tests of delivery are built from."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent.delivery.answers import Failure, Reply
from agent.delivery.audit import Trail
from agent.delivery.backoff import Backoff
from agent.delivery.elapsed import Clock
from agent.delivery.endpoint import Endpoint
from agent.delivery.flush import Delivery
from agent.delivery.outbox import Outbox
from agent.delivery.send import Client, Patience
from agent.levels import Level
from agent.privacy.outgoing import Outgoing
from agent.privacy.stops import Stop

SCHEMA = "5c" * 32
CONSENT = "c0" * 16
DAY = 86_400.0
WEEK = 7 * DAY
TOKEN = "the-token"  # noqa: S105  # no password of anything
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class SimulatedTime:
    """A machine's clocks, moved by hand."""

    boot_seconds: float = 1000.0
    wall_seconds: float = BEGINNING.timestamp()
    boot: str | None = "first"

    def pass_by(self, seconds: float) -> None:
        self.boot_seconds += seconds
        self.wall_seconds += seconds

    def restart_machine(self) -> None:
        self.boot = f"{self.boot}+"
        self.boot_seconds = 0.0

    def clock(self) -> Clock:
        return Clock(boot_seconds=lambda: self.boot_seconds, boot=self.boot, wall_seconds=lambda: self.wall_seconds)

    def now(self) -> datetime:
        return datetime.fromtimestamp(0, UTC) + timedelta(seconds=self.wall_seconds)


def document(number: int, *, level: Level = Level.STANDARD, padding: int = 0) -> Outgoing:
    body = json.dumps({"id": number, "padding": "x" * padding}, separators=(",", ":")).encode()
    return Outgoing(level=level, body=body, schema_digest=SCHEMA, alone=False)


def fragment(number: int, *, earliest: int = 0, latest: int | None = None, once: str | None = None) -> Outgoing:
    return Outgoing(
        level=Level.MINIMAL,
        body=b'{"id":%d}' % number,
        schema_digest=SCHEMA,
        alone=True,
        once=once,
        earliest_seconds=earliest,
        latest_seconds=latest,
    )


def client(
    url: str,
    ca_bundle: Path | None,
    *,
    may_send: Callable[[], Stop | None] = lambda: None,
    patience: Patience | None = None,
    proxy: str | None = None,
) -> Client:
    endpoint = Endpoint(
        service=url,
        ca_bundle=ca_bundle,
        proxy=proxy,
        allow_http_loopback=url.startswith("http:"),
        token=TOKEN,
        api_key="the-key",
    )
    return Client(endpoint, may_send=may_send, patience=patience)


def status_of(replied: Reply | Failure) -> int:
    assert isinstance(replied, Reply), replied
    return replied.status


def delivery(outbox: Outbox, sender: Client, trail: Trail, time: SimulatedTime, *, batch_size: int = 10) -> Delivery:
    return Delivery(
        outbox=outbox,
        client=sender,
        trail=trail,
        backoff=Backoff(base_seconds=30, max_retries=3, flush_interval_seconds=300),
        batch_size=batch_size,
        consent_digest=CONSENT,
        consented_at=BEGINNING,
        unix_seconds=lambda: time.wall_seconds,
        rng=random.Random(1),
    )
