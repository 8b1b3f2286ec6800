"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create them."""
    _aggregates()
    _clusters()
    _what_they_report()


def downgrade() -> None:
    """Remove them, with all that is in them."""
    for table in (
        "votes",
        "reports",
        "releases",
        "fragments",
        "fragment_tallies",
        "erasures",
        "consents",
        "clusters",
        "cells",
        "batches",
    ):
        op.drop_table(table)


def _aggregates() -> None:
    op.create_table(
        "fragment_tallies",
        sa.Column("week", sa.String(length=8), nullable=False),
        sa.Column("fragment", sa.String(length=16), nullable=False),
        sa.Column("provider", sa.String(length=32), nullable=False),
        sa.Column("nodes", sa.String(length=32), nullable=False),
        sa.Column("value", sa.String(length=32), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("week", "fragment", "provider", "nodes", "value", name="pk_fragment_tallies"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "releases",
        sa.Column("week", sa.String(length=8), nullable=False),
        sa.Column("released_day", sa.String(length=10), nullable=False),
        sa.Column("contributors", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("document", sa.String(), nullable=False),
        sa.Column("groups_then", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("week", name="pk_releases"),
        sqlite_with_rowid=True,
    )
    op.create_table(
        "cells",
        sa.Column("week", sa.String(length=8), nullable=False),
        sa.Column("metric", sa.String(length=64), nullable=False),
        sa.Column("place", sa.String(length=32), nullable=False),
        sa.Column("provider", sa.String(length=32), nullable=False),
        sa.Column("region_class", sa.String(length=32), nullable=False),
        sa.Column("minor", sa.String(length=32), nullable=False),
        sa.Column("node_bucket", sa.String(length=32), nullable=False),
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "week",
            "metric",
            "place",
            "provider",
            "region_class",
            "minor",
            "node_bucket",
            "bucket",
            name="pk_cells",
        ),
        sqlite_with_rowid=False,
    )


def _clusters() -> None:
    op.create_table(
        "clusters",
        sa.Column("cluster_pid", sa.String(length=32), nullable=False),
        sa.Column("token_sha256", sa.LargeBinary(length=32), nullable=True),
        sa.Column("first_day", sa.String(length=10), nullable=False),
        sa.Column("consent_digest", sa.String(length=64), nullable=False),
        sa.Column("schema_digest", sa.String(length=64), nullable=False),
        sa.Column("revoked", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("cluster_pid", name="pk_clusters"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_clusters_token_sha256", "clusters", ["token_sha256"], unique=False)
    op.create_table(
        "consents",
        sa.Column("cluster_pid", sa.String(length=32), nullable=False),
        sa.Column("consent_digest", sa.String(length=64), nullable=False),
        sa.Column("first_day", sa.String(length=10), nullable=False),
        sa.Column("revoked", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("cluster_pid", "consent_digest", name="pk_consents"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "erasures",
        sa.Column("cluster_pid", sa.String(length=32), nullable=False),
        sa.Column("receipt_id", sa.String(length=32), nullable=False),
        sa.Column("token_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("erased_day", sa.String(length=10), nullable=False),
        sa.Column("receipt", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("cluster_pid", "receipt_id", name="pk_erasures"),
        sqlite_with_rowid=False,
    )


def _what_they_report() -> None:
    op.create_table(
        "batches",
        sa.Column("cluster_pid", sa.String(length=32), nullable=False),
        sa.Column("batch_id", sa.String(length=36), nullable=False),
        sa.Column("body_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("documents", sa.Integer(), nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("received_day", sa.String(length=10), nullable=False),
        sa.Column("audit_head", sa.String(length=96), nullable=True),
        sa.PrimaryKeyConstraint("cluster_pid", "batch_id", name="pk_batches"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "reports",
        sa.Column("cluster_pid", sa.String(length=32), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("report_id", sa.String(length=44), nullable=False),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.Column("document", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("cluster_pid", "day", "report_id", name="pk_reports"),
        sqlite_with_rowid=True,
    )
    op.create_table(
        "votes",
        sa.Column("cluster_pid", sa.String(length=32), nullable=False),
        sa.Column("week", sa.String(length=8), nullable=False),
        sa.Column("metric", sa.String(length=64), nullable=False),
        sa.Column("place", sa.String(length=32), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("provider", sa.String(length=32), nullable=False),
        sa.Column("region_class", sa.String(length=32), nullable=False),
        sa.Column("minor", sa.String(length=32), nullable=False),
        sa.Column("node_bucket", sa.String(length=32), nullable=False),
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("cluster_pid", "week", "metric", "place", name="pk_votes"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "fragments",
        sa.Column("cluster_pid", sa.String(length=32), nullable=False),
        sa.Column("week", sa.String(length=8), nullable=False),
        sa.Column("fragment", sa.String(length=16), nullable=False),
        sa.Column("voter", sa.String(length=20), nullable=False),
        sa.Column("schema_digest", sa.String(length=64), nullable=False),
        sa.Column("provider", sa.String(length=32), nullable=False),
        sa.Column("nodes", sa.String(length=32), nullable=False),
        sa.Column("value", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("cluster_pid", "week", "fragment", "voter", name="pk_fragments"),
        sqlite_with_rowid=False,
    )
