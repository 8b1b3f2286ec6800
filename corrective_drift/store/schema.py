"""The tables, and who writes them.

`cluster_pid` is the shard key. It is the pseudonym under which a cluster reports, or one of the words below for what is
anonymous or erased: a request of the minimal level has no cluster, and must not get one by where it is stored.

Days and weeks are text in ISO 8601, which both engines store, compare and sort alike; nothing is kept of a time more
exactly than its day. On SQLite a table is its primary key's tree (WITHOUT ROWID): one write for each row, and no order
of arrival that would tell which rows came together. Only documents are too large for that (sqlite.org/withoutrowid.html
names a twentieth of a page).
"""

import hashlib

from sqlalchemy import JSON, Boolean, Column, Index, Integer, LargeBinary, MetaData, String, Table

_NAMES = {"ix": "ix_%(table_name)s_%(column_0_name)s", "pk": "pk_%(table_name)s"}
METADATA = MetaData(naming_convention=_NAMES)
DAY, WEEK = String(10), String(8)
# The longest is an erased cluster's, below; agents' own have 26 characters.
_PID = String(32)
_SHA256 = String(64)
_LABEL = String(32)
_SHARDS = 256


def _table(name: str, *parts: Column[object] | Index, large: bool = False) -> Table:
    return Table(name, METADATA, *parts, sqlite_with_rowid=large)


def _pid() -> Column[object]:
    return Column("cluster_pid", _PID, primary_key=True)


CLUSTERS = _table(
    "clusters",
    _pid(),
    # Of the bearer token that the first request brought; none yet where all came by files.
    Column("token_sha256", LargeBinary(32)),
    Column("first_day", DAY, nullable=False),
    Column("consent_digest", _SHA256, nullable=False),
    Column("schema_digest", _SHA256, nullable=False),
    Column("revoked", Boolean, nullable=False),
    # For who signs in by a token alone.
    Index(None, "token_sha256"),
)
"""A cluster that has reported, with the consent that is in force. Written by ingest and by POST /v1/consent."""

CONSENTS = _table(
    "consents",
    _pid(),
    Column("consent_digest", _SHA256, primary_key=True),
    Column("first_day", DAY, nullable=False),
    Column("revoked", Boolean, nullable=False),
)
"""Every consent that a cluster has named: one that another has replaced, or that was revoked, never holds again."""

BATCHES = _table(
    "batches",
    _pid(),
    # The Idempotency-Key; a receipt's id is made of it.
    Column("batch_id", String(36), primary_key=True),
    Column("body_sha256", LargeBinary(32), nullable=False),
    Column("documents", Integer, nullable=False),
    Column("accepted", Integer, nullable=False),
    Column("received_day", DAY, nullable=False),
    # The end of the agent's audit trail, as it came: `lines:sha256`.
    Column("audit_head", String(96)),
)
"""A request that was taken: what a repeat is known by, and all that its receipt says. Written by ingest."""

REPORTS = _table(
    "reports",
    _pid(),
    # The report's own day, not that of its arrival.
    Column("day", DAY, primary_key=True),
    # Batch id, colon, position.
    Column("report_id", String(44), primary_key=True),
    Column("level", String(8), nullable=False),
    Column("document", String, nullable=False),
    large=True,
)
"""A document as it came, of the standard or the detailed level: canonical JSON that `wire.fields.check` has passed.

Written by ingest, kept for the retention. What a cluster sees of itself, votes and recommendations all come from here.
"""

VOTES = _table(
    "votes",
    _pid(),
    Column("week", WEEK, primary_key=True),
    Column("metric", String(64), primary_key=True),
    # How thoroughly a metric was measured, and on which path or kind of storage; empty for none.
    Column("place", _LABEL, primary_key=True),
    # The last day that went into it.
    Column("day", DAY, nullable=False),
    Column("provider", _LABEL, nullable=False),
    Column("region_class", _LABEL, nullable=False),
    Column("minor", _LABEL, nullable=False),
    Column("node_bucket", _LABEL, nullable=False),
    # Of `probes.measure.histogram`: ⌈log_γ value⌉ with γ = 1.02. Of ranges, such as counts, the place of the range.
    Column("bucket", Integer, nullable=False),
)
"""A cluster's one vote on a metric in a week: the median of what its reports of that week say.

Written when a week is released, out of `reports`, so that ingest is two rows a report and a vote is a whole week's.
"""

FRAGMENTS = _table(
    "fragments",
    _pid(),  # anonymous_shard(voter)
    Column("week", WEEK, primary_key=True),
    Column("fragment", String(16), primary_key=True),
    Column("voter", String(20), primary_key=True),
    Column("schema_digest", _SHA256, nullable=False),
    Column("provider", _LABEL, nullable=False),
    Column("nodes", _LABEL, nullable=False),
    Column("value", _LABEL, nullable=False),
)
"""A fragment of the minimal level, in the open weeks. Written by ingest; when its week closes, it is counted into
`fragment_tallies` and removed with its voter."""

FRAGMENT_TALLIES = _table(
    "fragment_tallies",
    Column("week", WEEK, primary_key=True),
    Column("fragment", String(16), primary_key=True),
    Column("provider", _LABEL, primary_key=True),
    Column("nodes", _LABEL, primary_key=True),
    Column("value", _LABEL, primary_key=True),
    Column("count", Integer, nullable=False),
)
"""How many clusters of a closed week said what. Written by the release; nothing in it leads to a cluster."""

RELEASES = _table(
    "releases",
    Column("week", WEEK, primary_key=True),
    Column("released_day", DAY, nullable=False),
    # At least so many: the exact number of two weeks would differ by who came or went.
    Column("contributors", Integer, nullable=False),
    # Of the document; its ETag too.
    Column("sha256", _SHA256, nullable=False),
    # What GET /v1/baselines gives, byte for byte.
    Column("document", String, nullable=False),
    # How many contributors each published group had then: what later releases are held against. Never published.
    Column("groups_then", JSON, nullable=False),
    large=True,
)
"""A week's baselines as they were published."""

CELLS = _table(
    "cells",
    Column("week", WEEK, primary_key=True),
    Column("metric", String(64), primary_key=True),
    Column("place", _LABEL, primary_key=True),
    Column("provider", _LABEL, primary_key=True),
    Column("region_class", _LABEL, primary_key=True),
    Column("minor", _LABEL, primary_key=True),
    Column("node_bucket", _LABEL, primary_key=True),
    Column("bucket", Integer, primary_key=True),
    Column("count", Integer, nullable=False),
)
"""The histograms of a week's finest cohorts, a row a bucket: merging is adding, erasing is subtracting. Written by the
release out of `votes`."""

ERASURES = _table(
    "erasures",
    _pid(),  # erased_pid(cluster_pid)
    Column("receipt_id", String(32), primary_key=True),
    Column("token_sha256", LargeBinary(32), nullable=False),
    Column("erased_day", DAY, nullable=False),
    Column("receipt", JSON, nullable=False),
)
"""What is left of an erased cluster, beside its consents, which are kept under the same word: enough to repeat the
receipt, and to refuse what comes under a consent of before. Written by DELETE /v1/data/…"""

REFERENCE = frozenset({FRAGMENT_TALLIES, RELEASES, CELLS})
"""Aggregates: no row is a cluster's, and every shard has them all."""


def anonymous_shard(random_word: str) -> str:
    """Return the shard of what is anonymous, out of what is random about it."""
    return f"anonymous-{hashlib.sha256(random_word.encode()).digest()[0] % _SHARDS:02x}"


def erased_pid(cluster_pid: str) -> str:
    """Return the word under which an erased cluster stands. It doesn't lead back: a pseudonym has 130 random bits."""
    return hashlib.sha256(b"erased " + cluster_pid.encode()).hexdigest()[:32]
