"""Erasing a cluster: all of its rows, and its part in the histograms, in one transaction, with a signed receipt."""

from datetime import date

from sqlalchemy import Connection

from corrective_drift.problems import Code, Problem
from corrective_drift.receipts import Receipt, Signer
from corrective_drift.store import erasures
from corrective_drift.store.aggregates import subtract
from corrective_drift.store.schema import erased_pid
from corrective_drift.tokens import same


def erase(
    connection: Connection, cluster_id: str, token_sha256: bytes, *, signer: Signer, today: date, receipt_id: str
) -> Receipt:
    """Erase a cluster; return the receipt, which is the one of before where that was done already. Raises Problem.

    The receipt names the cluster by a digest, so that keeping it keeps nothing of the cluster.
    """
    owner = erasures.lock(connection, cluster_id)
    if owner is None:
        return _receipt_of_before(connection, cluster_id, token_sha256)
    if not same(owner, token_sha256):
        raise unknown()
    before = erasures.counts(connection, cluster_id)
    subtracted = subtract(connection, cluster_id)
    erasures.remove(connection, cluster_id)
    receipt = signer.signed(
        {
            "receipt": receipt_id,
            "erased": erased_pid(cluster_id),
            "erased_at": f"{today.isoformat()}T00:00:00Z",
            "before": before,
            "after": erasures.counts(connection, cluster_id),
            "aggregates": {"votes": subtracted.votes, "weeks": list(subtracted.weeks)},
        }
    )
    erasures.keep(connection, cluster_id, token_sha256, today.isoformat(), receipt)
    return receipt


def unknown() -> Problem:
    """Return the same answer for a cluster that isn't there and for one that is another's."""
    return Problem(Code.FORBIDDEN, "no cluster with this id belongs to this token")


def _receipt_of_before(connection: Connection, cluster_id: str, token_sha256: bytes) -> Receipt:
    for owner, receipt in erasures.kept(connection, cluster_id):
        if same(owner, token_sha256):
            return receipt
    raise unknown()
