"""What goes into the outbox and comes out of it, as records."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from agent.levels import Level


class LossReason(StrEnum):
    """Why documents were dropped unsent."""

    OVERFLOW = "overflow"
    AGE = "age"
    CONSENT = "consent"
    """Consent was revoked, or given anew to something else."""
    DAMAGE = "damage"
    """The bytes on the disk are not those that were put there."""
    EXPORTED = "exported"
    """Somebody carries them by hand."""
    DELETED = "deleted"
    """A person had everything deleted."""


class Halt(StrEnum):
    """An answer after which nothing is sent until a person acts."""

    CONSENT_STALE = "consent_stale"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much the outbox holds; the oldest goes first."""

    age_seconds: float
    documents: int = 10_000
    """Hourly reports of more than a year: only a mistake gets here."""
    bytes: int = 64 * 1024**2
    """Of documents. An agent that can't send must not fill the disk of a node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Documents that were dropped for one reason."""

    reason: LossReason
    documents: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What the last answers mean for the next request."""

    failures: int
    """Requests that failed since the last that didn't."""
    not_before_seconds: float
    """On the outbox's own time."""
    halt: Halt | None
    halted_at: datetime | None
    """Of the halt, None where there is none: only what a person does later is an answer to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """The outbox at a glance."""

    waiting_documents: int
    dead_documents: int
    bytes: int
    """Of all documents, dead letters included."""
    oldest_age_seconds: float
    """Of what waits; 0 where nothing does."""
    failures: int
    """Requests that failed since the last that didn't."""
    halt: Halt | None
    halted_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A batch that the service refused for good."""

    batch_id: str
    level: Level
    documents: int
    bytes: int
    status: int
    age_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptReceipt:
    """What the service said when it took a batch."""

    batch_id: str
    receipt: str
    received_at: str
    accepted: int
    level: Level
    sha256: str
    audit_head: str | None
