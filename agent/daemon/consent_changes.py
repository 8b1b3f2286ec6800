"""What granting consent, revoking it and having all deleted do to what is kept, in an order that no crash turns round.

Revoked first means stopped: the record is written before anything else, and each process that sends reads it before
each request. Only then what waits is forgotten, and the trail told.

New identifiers begin with a consent of their own: what was made under the one before, by whichever process, has that
one's digest and is dropped. Otherwise a document with the old identifier could leave with the new token, and join them.
"""

from datetime import datetime, timedelta

from agent.configuration import Consent
from agent.delivery import audit_events
from agent.delivery.audit import Trail
from agent.delivery.outbox import Limits, opened
from agent.delivery.outbox_rows import Halt, LossReason
from agent.privacy.consent import ConsentRecord, read_consent, write_consent
from agent.privacy.install_secret import replace_keys
from agent.state import State


def limits(retention_days: int) -> Limits:
    """Return the bounds of the outbox under a configuration."""
    return Limits(age_seconds=timedelta(days=retention_days).total_seconds())


def record_grant(state: State, record: ConsentRecord, *, bound_at_start: bool, retention_days: int) -> bool:
    """Keep a consent; what the service's answers forbade before is forgotten. Raises StateUnusable.

    After a revocation the cluster gets new identifiers, and True is returned: the service must not be able to tell that
    it is the one that had gone.
    """
    before = read_consent(state.consent)
    returns = before is not None and before.revoked_at is not None
    trail = Trail(state.audit)
    if returns:
        # First: a crash in between leaves a revoked consent, not one in force under the identifiers that had gone.
        replace_keys(state.secret)
        trail.append(audit_events.IdRotated())
    write_consent(state.consent, record)
    with opened(state.outbox, limits(retention_days)) as outbox:
        # What waits was queued under another consent, and might hold more than this one covers.
        outbox.purge(LossReason.CONSENT, keep_consent=record.digest)
        # Only what is later answers what the service has said: a section may have been written before and bound since,
        # or come from a lost state or a configuration rolled back.
        halted_at = outbox.service().halted_at
        if not bound_at_start or halted_at is None or record.granted_at > halted_at:
            outbox.resume()
    trail.append(
        audit_events.ConsentGranted(
            consent=record.digest,
            level=record.level,
            data_types=tuple(sorted(record.data_types)),
            schema_digest=record.schema_digest,
            bound_at_start=bound_at_start,
        )
    )
    return returns


def record_revocation(state: State, record: ConsentRecord, *, retention_days: int) -> None:
    """Keep that consent was taken back, and forget all that waits. Raises StateUnusable."""
    write_consent(state.consent, record)
    with opened(state.outbox, limits(retention_days)) as outbox:
        outbox.purge(LossReason.CONSENT)
    Trail(state.audit).append(audit_events.ConsentRevoked(consent=record.digest))


def record_deletion(state: State, section: Consent | None, *, retention_days: int) -> None:
    """Halt as by the service's 410, which the next report would bring, before anything is collected for it.

    `section` is the configuration's consent as it is now: whatever it is dated, the deletion came after it. Raises
    StateUnusable.
    """
    kept = read_consent(state.consent)
    acts = (None if kept is None else kept.latest_act_at, None if section is None else section.timestamp)
    with opened(state.outbox, limits(retention_days)) as outbox:
        outbox.stop(Halt.GONE, after=filter(None, acts))
    Trail(state.audit).append(audit_events.Halted(halt=Halt.GONE))


def rotate(state: State, record: ConsentRecord | None, *, now: datetime, retention_days: int) -> None:
    """Replace all identifiers; `record` is the consent in force, which is given anew. Raises StateUnusable."""
    if record is not None and record.revoked_at is None:
        write_consent(state.consent, record.model_copy(update={"granted_at": now}))
    replace_keys(state.secret)
    if state.outbox.exists():
        with opened(state.outbox, limits(retention_days)) as outbox:
            outbox.purge(LossReason.CONSENT)
    Trail(state.audit).append(audit_events.IdRotated())
