"""What the service says of a fleet, against what was planted: recommendations, drift, and what erasing leaves."""

import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, select

from agent.levels import Level
from benchmarks.fleet_clusters import Planted, report, slowed, traits, upgraded
from benchmarks.fleet_store import Plan, token_of
from corrective_drift import votes
from corrective_drift.drift import Drifted, drift
from corrective_drift.erasure import erase
from corrective_drift.receipts import load_signer
from corrective_drift.recommendations.engine import recommend
from corrective_drift.recommendations.finding import Finding
from corrective_drift.store import aggregates, holdings
from corrective_drift.store.engine import reading, writing
from corrective_drift.store.schema import CELLS, CLUSTERS
from corrective_drift.weeks import first_day, last_day
from probes.measure.baselines import Release

# A step of half as much again, six times what days differ by: what drift should find without being asked.
_STEP = 1.5
_NEAR_DAYS = 7
_ALL = 10_000


@dataclass(slots=True)
class Score:
    """Of all that was said, and all that was planted."""

    right: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)

    @property
    def precision(self) -> float:
        """The share of what was said that is true."""
        return self.right.total() / max(1, self.right.total() + self.wrong.total())

    @property
    def recall(self) -> float:
        """The share of what was planted that was said."""
        return self.right.total() / max(1, self.right.total() + self.missed.total())


@dataclass(slots=True)
class Drifts:
    """What drift has found."""

    quiet: int = 0
    """Clusters whose levels never changed."""
    quiet_alarmed: int = 0
    stepped: int = 0
    found: int = 0
    """Of the planted steps, at the right metric and within a week."""
    reported: int = 0
    false: int = 0
    """Of what was reported, anywhere."""
    settings_right: bool = True
    """Whether exactly the planted upgrades were told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What erasing has left."""

    clusters: int
    equal_to_recount: bool
    """The histograms of every week, against counting all remaining votes anew."""
    equal_to_rebuild: bool
    """Those of the last week, against voting anew on all remaining documents, outside of the store."""


def judged(engine: Engine, plan: Plan, release: Release, tell: Callable[[int], None]) -> Score:
    """Ask for every cluster's recommendations on the day after the last."""
    score, today = Score(), plan.last + timedelta(days=1)
    for number in range(plan.clusters):
        each = traits(plan.seed, number)
        if each.level is Level.MINIMAL:
            continue
        with reading(engine) as connection:
            own = holdings.documents(connection, each.keys.cluster_id, since_day=plan.first.isoformat(), most=_ALL)
        documents = [json.loads(text) for text in own]
        if _too_few(documents, today):
            continue
        said = {_about(found) for found in recommend(documents, release, today=today).recommendations}
        planted = each.planted
        score.right.update(rule for rule, _ in said & planted)
        score.wrong.update(rule for rule, _ in said - planted)
        score.missed.update(rule for rule, _ in planted - said)
        tell(number)
    return score


def drifts(seed: int, clusters: int, days: int, tell: Callable[[int], None]) -> Drifts:
    """Look for drift in clusters that report daily, half of them with a step in one metric and an upgrade."""
    seen, first = Drifts(), date(2026, 9, 28)
    for number in range(clusters):
        each = _detailed(seed, number)
        chance = random.Random(f"{seed}/{number}/drift")
        steps = number % 2 == 0
        metric, at = (
            chance.choice(("read_latency", "image_pull", "name_1_cold")),
            chance.randrange(days // 3, days * 2 // 3),
        )
        later = slowed(upgraded(each), metric, _STEP) if steps else each
        documents = [
            json.loads(body)
            for offset in range(days)
            for _, body in report(later if offset >= at else each, first + timedelta(days=offset), chance)
        ]
        found = drift(documents).findings
        changes = [one for one in found if one.kind == "changed"]
        true = [one for one in changes if steps and _is_planted(one, metric, first + timedelta(days=at))]
        _count(seen, steps=steps, changes=len(changes), true=len(true))
        settings = {one.what for one in found if one.kind != "changed"} - {"nodes.version_skew"}
        expected = {"cluster.minor"} if steps and later.minor != each.minor else set()
        seen.settings_right &= settings == expected
        tell(number)
    return seen


def erased(engine: Engine, plan: Plan, count: int, weeks: Sequence[str], directory: Path) -> Erased:
    """Erase some clusters, each as its own request would, and compare what is left with counting anew."""
    with reading(engine) as connection:
        pids = list(connection.scalars(select(CLUSTERS.c.cluster_pid).order_by(CLUSTERS.c.cluster_pid)))
    chosen = set(random.Random(plan.seed).sample(pids, count))
    signer = load_signer(directory / "signing-key.pem")
    for number in range(plan.clusters):
        each = traits(plan.seed, number)
        if each.keys.cluster_id in chosen:
            with writing(engine) as connection:
                erase(
                    connection,
                    each.keys.cluster_id,
                    token_of(each),
                    signer=signer,
                    today=plan.last,
                    receipt_id=f"{number:032x}",
                )
    with reading(engine) as connection:
        subtracted = [_cells(connection, week) for week in weeks]
        rebuilt = _voted(connection, weeks[-1], sorted(set(pids) - chosen))
        recounted = [_recounted(connection, week) for week in weeks]
    return Erased(
        clusters=count,
        equal_to_recount=all(subtracted) and subtracted == recounted,
        equal_to_rebuild=subtracted[-1] == rebuilt,
    )


def _too_few(documents: Sequence[Any], today: date) -> bool:
    """Leave out those that came last week or have left: of these the service rightly says nothing."""
    days = sorted({document["day"] for document in documents})
    return len(days) < 16 or (today - date.fromisoformat(days[-1])).days > 7


def _about(found: Finding) -> Planted:
    """Return rule and subject as they are planted: without how thoroughly it was measured."""
    if found.rule == "slow-storage":
        return found.rule, found.subject.split()[0].rpartition("/")[2]
    return found.rule, "" if found.rule.startswith("slow-") else found.subject


def _detailed(seed: int, number: int) -> Any:
    """Return a cluster of the detailed level with nothing planted but a quiet load."""
    start = number * 1000
    return next(
        each
        for each in (traits(seed + 1, start + offset) for offset in range(1000))
        if each.level is Level.DETAILED and not each.planted and each.swing < 0.5
    )


def _is_planted(found: Drifted, metric: str, at: date) -> bool:
    return f".{metric} " in f"{found.what} " and abs((found.since - at).days) <= _NEAR_DAYS


def _count(seen: Drifts, *, steps: bool, changes: int, true: int) -> None:
    seen.reported += changes
    seen.false += changes - true
    if steps:
        seen.stepped += 1
        seen.found += true > 0
    else:
        seen.quiet += 1
        seen.quiet_alarmed += changes > 0


def _cells(connection: Connection, week: str) -> dict[tuple[Any, ...], int]:
    return {tuple(row[:-1]): row[-1] for row in connection.execute(select(CELLS).where(CELLS.c.week == week))}


def _recounted(connection: Connection, week: str) -> dict[tuple[Any, ...], int]:
    return {tuple(row[:-1]): row[-1] for row in aggregates.count(connection, week)}


def _voted(connection: Connection, week: str, pids: Sequence[str]) -> dict[tuple[Any, ...], int]:
    counts: Counter[tuple[Any, ...]] = Counter()
    for pid in pids:
        own = holdings.documents(connection, pid, since_day=first_day(week).isoformat(), most=_ALL)
        documents = [json.loads(text) for text in own]
        for vote in votes.votes([each for each in documents if each["day"] <= last_day(week).isoformat()]):
            facts = vote.facts
            counts[
                week,
                vote.metric,
                vote.place,
                facts.provider,
                facts.region_class,
                facts.minor,
                facts.node_bucket,
                vote.bucket,
            ] += 1
    return dict(counts)
