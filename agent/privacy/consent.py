"""Consent as a record: who said yes to what, bound to the exact shape of what can be sent.

A consent section in the configuration is a person's act. Where it names no schema, it is bound at the first start to
the schema of that moment, which is kept beside it; a later version of the agent that could send anything else finds
another digest, and pauses. Naming digest and level in the section keeps that promise where the state directory does not
last.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from agent.configuration import Consent
from agent.errors import StateUnusable
from agent.levels import DataType, Level
from agent.privacy.stops import Consented
from agent.state import read_private, write_private


class ConsentRecord(BaseModel):
    """What was consented to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    granted_at: AwareDatetime
    policy_version: str
    level: Level
    data_types: frozenset[DataType]
    schema_digest: str
    revoked_at: AwareDatetime | None = None
    from_configuration_of: AwareDatetime | None = None
    """The time stamp of the configuration's consent section that this came from, None where a command granted it."""

    @property
    def digest(self) -> str:
        """The SHA-256 of what was consented to and when, 64 hexadecimal digits; revoking does not change it."""
        named = self.model_dump(mode="json", exclude={"revoked_at"}) | {"data_types": sorted(self.data_types)}
        return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()

    @property
    def latest_act_at(self) -> datetime:
        """When a person last acted, as far as this record knows; only what is later is a new act."""
        return max(filter(None, (self.granted_at, self.revoked_at, self.from_configuration_of)))

    @property
    def consented(self) -> Consented:
        """What stops compare with."""
        return Consented(
            level=self.level,
            data_types=self.data_types,
            schema_digest=self.schema_digest,
            revoked=self.revoked_at is not None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the configuration asks to collect, and the schema that it would be sent in."""

    level: Level
    data_types: frozenset[DataType]
    schema_digest: str


def read_consent(path: Path) -> ConsentRecord | None:
    """Return the kept consent, None where there is none. Raises StateUnusable where it can't be read: no guess."""
    content = read_private(path)
    if content is None:
        return None
    try:
        return ConsentRecord.model_validate_json(content)
    except ValidationError:
        raise StateUnusable(
            f"{path} is no consent record: remove it, and give consent again by `telemetry-agent consent grant`"
        ) from None


def write_consent(path: Path, record: ConsentRecord) -> None:
    """Keep a consent. Raises StateUnusable."""
    write_private(path, record.model_dump_json(indent=2).encode())


def grant(asked: Asked, *, policy_version: str, now: datetime, before: ConsentRecord | None = None) -> ConsentRecord:
    """Return the consent to exactly what is asked; `before` is the one in force until then.

    It is no earlier than that one, whatever the clock says: otherwise a section with a time stamp ahead of the clock
    would be a new act after it, and undo what follows.
    """
    return ConsentRecord(
        granted_at=now if before is None else max(now, before.latest_act_at),
        policy_version=policy_version,
        level=asked.level,
        data_types=asked.data_types,
        schema_digest=asked.schema_digest,
    )


def revoke(record: ConsentRecord, *, now: datetime) -> ConsentRecord:
    """Return the record of a consent that was taken back."""
    return record if record.revoked_at is not None else record.model_copy(update={"revoked_at": now})


def bound(kept: ConsentRecord | None, section: Consent | None, asked: Asked) -> ConsentRecord | None:
    """Return the consent in force: the kept one, or a new one out of a section that wasn't bound before.

    A section counts once: its time stamp is kept, so that it neither renews a revoked consent nor follows a changed
    schema. A section with a later time stamp is a new act, and so is one that was bound and has come to name something
    else, unless consent was revoked since. Its time of granting is its own.
    """
    if section is None or (kept is not None and not _is_new(section, kept)):
        return kept
    # After a rotation of identifiers the kept consent is later than its section, and must not get an old digest again.
    at = section.timestamp if kept is None else max(section.timestamp, kept.granted_at)
    granted = grant(asked, policy_version=section.version, now=at)
    named = {"level": section.level or asked.level, "schema_digest": section.schema_digest or asked.schema_digest}
    return granted.model_copy(update={"from_configuration_of": section.timestamp, **named})


def _is_new(section: Consent, kept: ConsentRecord) -> bool:
    return section.timestamp > kept.latest_act_at or (kept.revoked_at is None and _says_something_else(section, kept))


def _says_something_else(section: Consent, kept: ConsentRecord) -> bool:
    """Whether the section that the kept consent came from names another version, level or schema by now."""
    if section.timestamp != kept.from_configuration_of:
        return False
    named = {"policy_version": section.version, "level": section.level, "schema_digest": section.schema_digest}
    return any(value is not None and value != getattr(kept, name) for name, value in named.items())
