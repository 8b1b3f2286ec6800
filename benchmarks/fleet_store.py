"""A fleet's weeks of reports, put into a store of its own: real documents, by the service's own ingest.

Nothing goes over HTTP here, which would take hours for a large fleet; `fleet_http` sends a small one.
"""

import hashlib
import multiprocessing
import random
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from itertools import islice

from sqlalchemy import Engine
from sqlalchemy.engine import Connection

from agent.delivery.batch import frame
from agent.levels import Level
from benchmarks.fleet_clusters import Traits, report, traits, upgraded
from corrective_drift.envelope import envelope
from corrective_drift.ingest import Submission, submission
from corrective_drift.problems import Problem
from corrective_drift.store.batches import take
from corrective_drift.store.engine import writing
from corrective_drift.tokens import digest

CONSENT_DIGEST = "c0" * 32
_DAYS_BETWEEN = 2
_AT_ONCE = 200
# Some come late, some leave, some upgrade: cohorts must change from week to week, or releases could not be told apart.
_LATE, _LEAVING, _UPGRADING = 0.06, 0.06, 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A fleet."""

    seed: int
    clusters: int
    weeks: int
    first: date
    """A Monday."""

    @property
    def last(self) -> date:
        """The Sunday on which it ends."""
        return self.first + timedelta(days=7 * self.weeks - 1)


Sent = tuple[Level, bytes]
"""A document, or a fragment."""


def lifetime(plan: Plan, number: int) -> list[tuple[date, bytes]]:
    """Return everything that a cluster sends, oldest first."""
    each = traits(plan.seed, number)
    chance = random.Random(f"{plan.seed}/{number}/days")
    span = 7 * plan.weeks
    start = chance.randrange(span) if chance.random() < _LATE else chance.randrange(_DAYS_BETWEEN)
    end = chance.randrange(span) if chance.random() < _LEAVING else span
    change = chance.randrange(span) if chance.random() < _UPGRADING else span
    step = 7 if each.level is Level.MINIMAL else _DAYS_BETWEEN
    sent = []
    for offset in range(start, end, step):
        now = upgraded(each) if offset >= change else each
        day = plan.first + timedelta(days=offset)
        sent += [(day, body) for _, body in report(now, day, chance)]
    return sent


def fill(engine: Engine, plan: Plan, *, processes: int, tell: Callable[[int], None]) -> int:
    """Put a fleet into an empty store; return how many documents it took. `tell` is told how many clusters are in."""
    documents = done = 0
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        made = pool.imap(partial(_made, plan), range(plan.clusters), chunksize=50)
        while group := list(islice(made, _AT_ONCE)):
            with writing(engine) as connection:
                documents += _take(connection, [each for cluster in group for each in cluster])
            done += len(group)
            tell(done)
    return documents


def token_of(each: Traits) -> bytes:
    """Return the digest of a cluster's token."""
    return digest(each.keys.token)


def _made(plan: Plan, number: int) -> list[tuple[date, Submission]]:
    each, sent = traits(plan.seed, number), lifetime(plan, number)
    if each.level is not Level.MINIMAL:
        return [(plan.last, _read(each, [body for _, body in sent], number, 0, plan.last))] if sent else []
    return [(day, _read(each, [body], number, at, day)) for at, (day, body) in enumerate(sent)]


def _read(each: Traits, bodies: Sequence[bytes], number: int, at: int, day: date) -> Submission:
    """Judge a request as the service does."""
    batch = hashlib.sha256(f"{number}/{at}".encode()).digest()[:16]
    headers = {
        "content-type": "application/json",
        "idempotency-key": str(uuid.UUID(bytes=batch, version=4)),
        "prism-schema": _schema(bodies[0]),
    }
    if each.level is not Level.MINIMAL:
        headers |= {"authorization": f"Bearer {each.keys.token}", "prism-consent": CONSENT_DIGEST}
    return submission(envelope(headers), frame(bodies), day, simulation=True)


def _schema(body: bytes) -> str:
    return body.partition(b'"schema":"')[2][:64].decode("ascii")


def _take(connection: Connection, submissions: Sequence[tuple[date, Submission]]) -> int:
    taken = 0
    for day, group in _by_day(submissions):
        for outcome in take(connection, group, day):
            if isinstance(outcome, Problem):
                raise outcome
            taken += outcome.accepted
    return taken


def _by_day(submissions: Sequence[tuple[date, Submission]]) -> Iterator[tuple[date, list[Submission]]]:
    for day in sorted({each for each, _ in submissions}):
        yield day, [sent for other, sent in submissions if other == day]
