"""What the audit trail can say: a closed list of events with closed fields. Pure.

Nothing raw fits in: a field is a word of an enum, a bounded number, a digest, an id that was drawn at random or given
by the service, or a list of such words. Any other value is refused before it is written.
"""

import re
from dataclasses import dataclass, fields
from enum import Enum, StrEnum
from typing import ClassVar

from agent.delivery.answers import Failure
from agent.delivery.outbox_rows import Halt, LossReason
from agent.levels import DataType, Level

# Hexadecimal or base32, as SHA-256 and our own digests are written; UUIDs; ids of receipts.
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LARGEST = 2**53 - 1  # what every reader of JSON holds exactly

Value = bool | int | str | None | list[str]


class File(StrEnum):
    """A file of the state directory that can be set aside."""

    OUTBOX = "outbox"
    AUDIT = "audit"
    HISTORY = "history"


class Cause(StrEnum):
    """Why a document was never put into the outbox."""

    NOT_ANONYMIZED = "not_anonymized"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The root of all events."""

    name: ClassVar[str]

    def values(self) -> dict[str, Value]:
        """Return the fields as JSON has them. Raises TypeError for a value that is not closed, without showing it."""
        return {field.name: _closed(field.name, getattr(self, field.name)) for field in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun(Event):
    """The first line of a trail."""

    name = "begun"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered(Event):
    """A line was cut short by a crash; what it would have said was never acknowledged."""

    name = "recovered"
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated(Event):
    """The first `lines` lines of the whole trail are removed by age; the last of them had this digest."""

    name = "rotated"
    lines: int
    head: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside(Event):
    """A damaged file was renamed and a new one begun."""

    name = "set_aside"
    file: File


@dataclass(frozen=True, slots=True, kw_only=True)
class Started(Event):
    """The agent started to work under a configuration."""

    name = "started"
    level: Level
    schema_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentGranted(Event):
    """Consent was given; `bound_at_start` says that a configuration without a digest was bound to this one."""

    name = "consent_granted"
    consent: str
    level: Level
    data_types: tuple[DataType, ...]
    schema_digest: str
    bound_at_start: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRevoked(Event):
    """Consent was taken back."""

    name = "consent_revoked"
    consent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IdRotated(Event):
    """The install secret was drawn anew, and with it all identifiers."""

    name = "id_rotated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected(Event):
    """A collection brought these documents into the outbox."""

    name = "collected"
    level: Level
    data_types: tuple[DataType, ...]
    consent: str
    schema_digest: str
    documents: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld(Event):
    """A document was dropped before it got into the outbox."""

    name = "withheld"
    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped(Event):
    """Documents were dropped from the outbox unsent."""

    name = "dropped"
    reason: LossReason
    documents: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending(Event):
    """A batch is about to leave for the first time."""

    name = "sending"
    batch: str
    level: Level
    documents: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered(Event):
    """The service has a batch. After a crash the same may stand here twice: it counts once."""

    name = "delivered"
    batch: str
    receipt: str
    accepted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused(Event):
    """The service refused a batch for good: a dead letter."""

    name = "refused"
    batch: str
    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(Event):
    """The service can't be reached or asks for patience; one line for each outage."""

    name = "failed"
    status: int | None
    failure: Failure | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Halted(Event):
    """Nothing is sent until a person acts."""

    name = "halted"
    halt: Halt


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported(Event):
    """Batches were written to a file, to be carried by hand."""

    name = "exported"
    batches: int
    documents: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionAsked(Event):
    """The service was asked to delete all that came from this cluster; no status where no answer came."""

    name = "deletion_asked"
    status: int | None


def _closed(name: str, value: object) -> Value:
    match value:
        case None | bool():
            return value
        case Enum():
            return str(value.value)
        case int() if 0 <= value <= _LARGEST:
            return value
        case str() if _ID.fullmatch(value):
            return value
        case tuple() if all(isinstance(each, Enum) for each in value):
            return sorted(str(each.value) for each in value)
        case _:
            raise TypeError(f"the audit trail takes no such value as {name}")
