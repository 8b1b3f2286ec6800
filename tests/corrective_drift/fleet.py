"""Synthetic clusters, put straight into the store: no agent, no HTTP, and one report a week."""

import json
import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from sqlalchemy import Engine, insert, select

from corrective_drift import releases
from corrective_drift.store.engine import writing
from corrective_drift.store.releases import KeptRelease
from corrective_drift.store.schema import CLUSTERS, REPORTS
from corrective_drift.weeks import first_day

WEEKS = ("2026-W45", "2026-W46", "2026-W47")
TODAY = date(2026, 11, 24)
REGIONS = ("europe", "asia", "africa")


class Reporter(Protocol):
    """Whoever has a document."""

    @property
    def pid(self) -> str: ...

    def document(self, day: str) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Synthetic:
    """A cluster that doesn't exist."""

    number: int
    provider: str = "aws"
    region: str = "europe"
    used: int = 0

    @property
    def pid(self) -> str:
        return f"synthetic-{self.number:06}"

    @property
    def words(self) -> tuple[str, ...]:
        return (self.provider, self.region, "1.33", "5-15")

    def document(self, day: str) -> str:
        cluster = {"provider": self.provider, "region_class": self.region, "minor": "1.33"}
        usage = {"cpu_used_p50": self.used * 8}
        return json.dumps({"day": day, "cluster": cluster, "nodes": {"count": "8-15"}, "usage": usage})


def fleet(count: int, first: int = 0, **facts: Any) -> list[Synthetic]:
    return [Synthetic(number=number, used=-(number % 9), **facts) for number in range(first, first + count)]


def report(engine: Engine, week: str, clusters: Iterable[Reporter]) -> None:
    day = first_day(week).isoformat()
    with writing(engine) as connection:
        known = set(connection.execute(select(CLUSTERS.c.cluster_pid)).scalars())
        clusters = list(clusters)
        new = [_cluster(each.pid) for each in clusters if each.pid not in known]
        if new:
            connection.execute(insert(CLUSTERS), new)
        rows = [
            {
                "cluster_pid": each.pid,
                "day": day,
                "report_id": f"{day}:0",
                "level": "standard",
                "document": each.document(day),
            }
            for each in clusters
        ]
        connection.execute(insert(REPORTS), rows)


def _cluster(pid: str) -> dict[str, Any]:
    digest = "0" * 64
    return {
        "cluster_pid": pid,
        "token_sha256": b"",
        "first_day": "2026-11-01",
        "consent_digest": digest,
        "schema_digest": digest,
        "revoked": False,
    }


def released(engine: Engine, week: str) -> KeptRelease:
    """Release a week."""
    return releases.release(engine, week, today=TODAY, chance=random.Random(1))
