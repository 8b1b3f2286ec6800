"""Taking requests into the store: many in one transaction, each of them whole or not at all.

What was answered with a receipt is on the disk; what comes again under its key gets the same receipt. A request that
is refused leaves nothing behind.
"""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Connection, select, tuple_, update

from corrective_drift.ingest import Fragment, Submission
from corrective_drift.problems import Code, Problem
from corrective_drift.receipts import Taken
from corrective_drift.store.bulk import insert_all, insert_new
from corrective_drift.store.clusters import Claim, Register
from corrective_drift.store.schema import BATCHES, FRAGMENTS, REPORTS, anonymous_shard

Outcome = Taken | Problem
Key = tuple[str, str]
"""cluster_pid and batch id."""


def take(connection: Connection, submissions: Sequence[Submission], today: date) -> list[Outcome]:
    """Store what may be stored; return what to answer to each. Raises Contended."""
    day = today.isoformat()
    outcomes = _refused(connection, submissions, day)
    waiting = [at for at, outcome in enumerate(outcomes) if outcome is None]
    keys = {at: _key(submissions[at]) for at in waiting}
    first: dict[Key, int] = {}
    for at in waiting:
        first.setdefault(keys[at], at)
    new = _insert_batches(connection, {key: submissions[at] for key, at in first.items()}, day)
    mine = [at for key, at in first.items() if key in new]
    _insert_reports(connection, [submissions[at] for at in mine])
    votes = _insert_fragments(connection, [submissions[at] for at in mine])
    kept = _kept(connection, {keys[at] for at in waiting} - new if len(mine) < len(waiting) else set())
    for at in waiting:
        sent = submissions[at]
        own = Taken(
            batch_id=sent.envelope.batch_id,
            accepted=votes.get(keys[at], sent.documents),
            received_day=day,
            audit_head=sent.envelope.audit_head,
        )
        original, body_sha256 = kept.get(keys[at]) or (own, submissions[first[keys[at]]].body_sha256)
        outcomes[at] = original if body_sha256 == sent.body_sha256 else _reused()
    return [outcome for outcome in outcomes if outcome is not None]


def find(connection: Connection, keys: set[Key]) -> Taken | None:
    """Return what was taken under one of some keys."""
    return next((taken for taken, _ in _kept(connection, keys).values()), None)


def _refused(connection: Connection, submissions: Sequence[Submission], day: str) -> list[Outcome | None]:
    claims = {at: _claim(sent) for at, sent in enumerate(submissions) if sent.cluster_id is not None}
    if not claims:
        return [None] * len(submissions)
    register = Register(connection, claims.values(), day)
    outcomes = [register.admit(claims[at]) if at in claims else None for at in range(len(submissions))]
    register.write()
    return list(outcomes)


def _claim(sent: Submission) -> Claim:
    assert sent.cluster_id is not None
    assert sent.envelope.consent_digest is not None
    return Claim(
        cluster_pid=sent.cluster_id,
        token_sha256=sent.envelope.token_sha256,
        consent_digest=sent.envelope.consent_digest,
        schema_digest=sent.envelope.schema_digest,
    )


def _key(sent: Submission) -> Key:
    batch_id = sent.envelope.batch_id
    return sent.cluster_id or anonymous_shard(batch_id), batch_id


def _insert_batches(connection: Connection, batches: dict[Key, Submission], day: str) -> set[Key]:
    rows = [
        {
            "cluster_pid": pid,
            "batch_id": batch_id,
            "body_sha256": sent.body_sha256,
            "documents": sent.documents,
            "accepted": sent.documents,
            "received_day": day,
            "audit_head": sent.envelope.audit_head,
        }
        for (pid, batch_id), sent in batches.items()
    ]
    return insert_new(connection, BATCHES, rows, BATCHES.c.cluster_pid, BATCHES.c.batch_id) if rows else set()


def _insert_reports(connection: Connection, submissions: Sequence[Submission]) -> None:
    rows = [
        (report.cluster_id, report.day, f"{sent.envelope.batch_id}:{position}", report.level, report.text)
        for sent in submissions
        for position, report in enumerate(sent.reports)
    ]
    if rows:
        insert_all(connection, REPORTS, rows)


def _insert_fragments(connection: Connection, submissions: Sequence[Submission]) -> dict[Key, int]:
    """Count one fragment of each voter and kind; return for each batch whether its own was counted."""
    votes: dict[Key, int] = {}
    first: dict[tuple[str, ...], Key] = {}
    for sent in submissions:
        if sent.fragment is not None:
            votes[_key(sent)] = 0
            if sent.fragment.counts:
                first.setdefault(_voting(sent.fragment), _key(sent))
    by_voting = {_voting(sent.fragment): sent.fragment for sent in reversed(submissions) if sent.fragment is not None}
    rows = [_fragment_row(by_voting[voting]) for voting in first]
    columns = (FRAGMENTS.c.cluster_pid, FRAGMENTS.c.week, FRAGMENTS.c.fragment, FRAGMENTS.c.voter)
    for voting in insert_new(connection, FRAGMENTS, rows, *columns) if rows else ():
        votes[first[voting]] = 1
    for (pid, batch_id), counted in votes.items():
        if not counted:
            this = (BATCHES.c.cluster_pid == pid, BATCHES.c.batch_id == batch_id)
            connection.execute(update(BATCHES).where(*this).values(accepted=0))
    return votes


def _voting(fragment: Fragment) -> tuple[str, ...]:
    return anonymous_shard(fragment.voter), fragment.week, fragment.fragment, fragment.voter


def _fragment_row(fragment: Fragment) -> dict[str, str]:
    return {
        "cluster_pid": anonymous_shard(fragment.voter),
        "week": fragment.week,
        "fragment": fragment.fragment,
        "voter": fragment.voter,
        "schema_digest": fragment.schema_digest,
        "provider": fragment.provider,
        "nodes": fragment.nodes,
        "value": fragment.value,
    }


def _kept(connection: Connection, keys: set[Key]) -> dict[Key, tuple[Taken, bytes]]:
    """Return what was taken before under some keys, with the digest of its body."""
    if not keys:
        return {}
    query = select(BATCHES).where(tuple_(BATCHES.c.cluster_pid, BATCHES.c.batch_id).in_(keys))
    return {
        (row.cluster_pid, row.batch_id): (
            Taken(
                batch_id=row.batch_id,
                accepted=row.accepted,
                received_day=row.received_day,
                audit_head=row.audit_head,
            ),
            row.body_sha256,
        )
        for row in connection.execute(query)
    }


def _reused() -> Problem:
    return Problem(Code.KEY_REUSED, "the body differs from the one that came first: use a new key for new content")
