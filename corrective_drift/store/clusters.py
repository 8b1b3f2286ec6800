"""Whether a cluster may have something stored: its token, its consent, and whether it was erased.

Asked for many requests at once, decided one after the other in the order of arrival, and written back at once.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from sqlalchemy import Connection, bindparam, select, tuple_, update

from corrective_drift.problems import Code, Problem
from corrective_drift.store.bulk import insert_new
from corrective_drift.store.schema import CLUSTERS, CONSENTS, ERASURES, erased_pid
from corrective_drift.tokens import same


class Contended(Exception):
    """Another service has written the same at the same moment: carry out the transaction again."""


@dataclass(slots=True, kw_only=True)
class Cluster:
    """A cluster as the store has it, with what has changed since."""

    token_sha256: bytes | None
    consent_digest: str
    schema_digest: str
    revoked: bool


@dataclass(slots=True, kw_only=True)
class _Erased:
    token_sha256: bytes
    consents: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Who says to be a cluster, and under which consent."""

    cluster_pid: str
    token_sha256: bytes | None
    """None for what came in a file, whose carrier the operator trusts."""
    consent_digest: str
    schema_digest: str


class Register:
    """The clusters that a transaction deals with."""

    def __init__(self, connection: Connection, claims: Collection[Claim], today: str) -> None:
        """Read them, and lock them against other writers until the transaction ends."""
        self._connection = connection
        self._today = today
        self._known = _known(connection, {claim.cluster_pid for claim in claims})
        unknown = {claim.cluster_pid for claim in claims} - self._known.keys()
        self._erased = _erased(connection, unknown)
        self._passed = _passed(connection, [claim for claim in claims if self._differs(claim)])
        self._new: set[str] = set()
        self._changed: set[str] = set()
        self._consents: dict[tuple[str, str], bool] = {}

    def admit(self, claim: Claim) -> Problem | None:
        """Return why nothing of this may be stored; None where it may, which registers token and consent."""
        cluster = self._known.get(claim.cluster_pid)
        if cluster is None:
            return self._admit_unknown(claim)
        refused = self._refused_token(cluster, claim)
        if refused is not None or self._holds(cluster, claim):
            return refused
        if cluster.consent_digest == claim.consent_digest or self._is_passed(claim):
            return Problem(Code.CONSENT_STALE, "this consent was revoked, or another has replaced it")
        cluster.consent_digest, cluster.schema_digest, cluster.revoked = (
            claim.consent_digest,
            claim.schema_digest,
            False,
        )
        self._changed.add(claim.cluster_pid)
        self._consents[claim.cluster_pid, claim.consent_digest] = False
        return None

    def revoke(self, claim: Claim) -> Problem | None:
        """Keep that a consent was taken back; return why not, if so."""
        if (refused := self.admit(claim)) is not None:
            # What was erased, or is stale already, needs no revoking.
            return refused if refused.code is Code.FORBIDDEN else None
        self._known[claim.cluster_pid].revoked = True
        self._changed.add(claim.cluster_pid)
        self._consents[claim.cluster_pid, claim.consent_digest] = True
        return None

    def write(self) -> None:
        """Write what has changed. Raises Contended."""
        new = [self._values(pid) | {"cluster_pid": pid, "first_day": self._today} for pid in self._new]
        if new and len(insert_new(self._connection, CLUSTERS, new, CLUSTERS.c.cluster_pid)) < len(new):
            raise Contended
        changed = [self._values(pid) | {"pid": pid} for pid in self._changed - self._new]
        if changed:
            self._connection.execute(update(CLUSTERS).where(CLUSTERS.c.cluster_pid == bindparam("pid")), changed)
        self._write_consents()

    def _admit_unknown(self, claim: Claim) -> Problem | None:
        erased = self._erased.get(claim.cluster_pid)
        if erased is not None:
            if claim.token_sha256 is not None and not same(erased.token_sha256, claim.token_sha256):
                return _forbidden()
            if claim.consent_digest in erased.consents:
                return Problem(Code.ERASED, "everything under this consent was erased, as asked for: give consent anew")
        self._known[claim.cluster_pid] = Cluster(
            token_sha256=claim.token_sha256,
            consent_digest=claim.consent_digest,
            schema_digest=claim.schema_digest,
            revoked=False,
        )
        self._new.add(claim.cluster_pid)
        self._consents[claim.cluster_pid, claim.consent_digest] = False
        return None

    def _refused_token(self, cluster: Cluster, claim: Claim) -> Problem | None:
        if claim.token_sha256 is None:
            return None
        if cluster.token_sha256 is None:
            cluster.token_sha256 = claim.token_sha256
            self._changed.add(claim.cluster_pid)
        return None if same(cluster.token_sha256, claim.token_sha256) else _forbidden()

    def _holds(self, cluster: Cluster, claim: Claim) -> bool:
        return cluster.consent_digest == claim.consent_digest and not cluster.revoked

    def _differs(self, claim: Claim) -> bool:
        cluster = self._known.get(claim.cluster_pid)
        return cluster is not None and cluster.consent_digest != claim.consent_digest

    def _is_passed(self, claim: Claim) -> bool:
        key = (claim.cluster_pid, claim.consent_digest)
        return key in self._passed or key in self._consents

    def _values(self, pid: str) -> dict[str, object]:
        cluster = self._known[pid]
        return {
            "token_sha256": cluster.token_sha256,
            "consent_digest": cluster.consent_digest,
            "schema_digest": cluster.schema_digest,
            "revoked": cluster.revoked,
        }

    def _write_consents(self) -> None:
        rows = [
            {"cluster_pid": pid, "consent_digest": digest, "first_day": self._today, "revoked": revoked}
            for (pid, digest), revoked in self._consents.items()
        ]
        if not rows:
            return
        fresh = insert_new(self._connection, CONSENTS, rows, CONSENTS.c.cluster_pid, CONSENTS.c.consent_digest)
        late = [row for row in rows if row["revoked"] and (row["cluster_pid"], row["consent_digest"]) not in fresh]
        if late:
            revoking = update(CONSENTS).where(
                CONSENTS.c.cluster_pid == bindparam("pid"), CONSENTS.c.consent_digest == bindparam("digest")
            )
            named = [{"pid": row["cluster_pid"], "digest": row["consent_digest"]} for row in late]
            self._connection.execute(revoking.values(revoked=True), named)


def of_token(connection: Connection, token_sha256: bytes) -> list[str]:
    """Return the clusters that a token belongs to: one, unless somebody shares a secret among agents."""
    query = select(CLUSTERS.c.cluster_pid).where(CLUSTERS.c.token_sha256 == token_sha256)
    return list(connection.scalars(query))


def owns(connection: Connection, cluster_pid: str, token_sha256: bytes) -> bool:
    """Tell whether a token is a cluster's."""
    kept = connection.scalar(select(CLUSTERS.c.token_sha256).where(CLUSTERS.c.cluster_pid == cluster_pid))
    return kept is not None and same(kept, token_sha256)


def _forbidden() -> Problem:
    return Problem(Code.FORBIDDEN, "another token was the first to report as this cluster")


# In one order, lest two services wait for one another. Made once, since each transaction begins with it.
_KNOWN = (
    select(CLUSTERS)
    .where(CLUSTERS.c.cluster_pid.in_(bindparam("pids", expanding=True)))
    .order_by(CLUSTERS.c.cluster_pid)
    .with_for_update()
)


def _known(connection: Connection, pids: Collection[str]) -> dict[str, Cluster]:
    return {
        row.cluster_pid: Cluster(
            token_sha256=row.token_sha256,
            consent_digest=row.consent_digest,
            schema_digest=row.schema_digest,
            revoked=row.revoked,
        )
        for row in connection.execute(_KNOWN, {"pids": list(pids)})
    }


def _erased(connection: Connection, pids: Iterable[str]) -> dict[str, _Erased]:
    names = {erased_pid(pid): pid for pid in pids}
    if not names:
        return {}
    tokens = select(ERASURES.c.cluster_pid, ERASURES.c.token_sha256).where(ERASURES.c.cluster_pid.in_(names))
    found = {names[name]: _Erased(token_sha256=token) for name, token in connection.execute(tokens)}
    if found:
        consents = select(CONSENTS.c.cluster_pid, CONSENTS.c.consent_digest).where(CONSENTS.c.cluster_pid.in_(names))
        for name, digest in connection.execute(consents):
            found[names[name]].consents.add(digest)
    return found


def _passed(connection: Connection, claims: Collection[Claim]) -> set[tuple[str, str]]:
    """Return which of the claimed consents were named before."""
    if not claims:
        return set()
    key = tuple_(CONSENTS.c.cluster_pid, CONSENTS.c.consent_digest)
    wanted = {(claim.cluster_pid, claim.consent_digest) for claim in claims}
    query = select(CONSENTS.c.cluster_pid, CONSENTS.c.consent_digest).where(key.in_(wanted))
    return {(pid, digest) for pid, digest in connection.execute(query)}
