"""Releasing a week: reports become votes, votes histograms, and these what may be published. Once a week, for good.

Every step is a transaction of its own, so that reports keep coming in, and can be repeated: whoever is killed in
between starts again. A published release never changes, not by an erasure either: of a second version the difference
to the first would be the erased cluster.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Any

from sqlalchemy import Connection, Engine

from corrective_drift import disclosure, votes
from corrective_drift.disclosure import Cell, Groups, Words
from corrective_drift.errors import InvalidOption
from corrective_drift.fragment_baselines import fragment_baselines
from corrective_drift.percentiles import cohort_baseline, metric_baseline, told
from corrective_drift.store import aggregates, releases
from corrective_drift.store.aggregates import Key
from corrective_drift.store.engine import counting, writing
from corrective_drift.store.releases import KeptRelease
from corrective_drift.weeks import first_day, last_day
from probes.measure.baselines import CohortBaseline, MetricBaseline, Release, read_release

# A few hundred documents are read and voted on at a time, in some tenths of a second: who reports meanwhile waits.
_CLUSTERS_AT_ONCE = 50
# Of one metric: three levels of the ladder for the largest provider, the coarse ones for all.
_MOST_COHORTS = 96
# In all: a cohort takes at most 240 bytes, and an agent reads at most 4 MiB.
_MOST_COHORTS_IN_ALL = 15_000
# Half a year: what a cohort was like before that is no measure for today.
_CARRIED_WEEKS = 26


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    """A metric's contributors, and the cohorts of it that may be published."""

    contributors: Mapping[Words, int]
    cohorts: frozenset[Cell]

    @property
    def groups(self) -> Groups:
        return disclosure.grouped(self.cohorts, self.contributors)

    def without(self, cohorts: frozenset[Cell]) -> "_Chosen":
        return _Chosen(contributors=self.contributors, cohorts=self.cohorts - cohorts)


def release(engine: Engine, week: str, *, today: date, chance: Random) -> KeptRelease:
    """Release a week, and close it; a week that is released already is returned as it is.

    Raises InvalidOption for a week that is not over, or before the latest release; Unusable.
    """
    with writing(engine) as connection:
        kept = releases.of_week(connection, week)
        if kept is not None:
            return kept
        _check(week, today, releases.latest(connection))
    _vote(engine, week)
    while True:
        _count(engine, week)
        with counting(engine) as connection:
            counted = aggregates.counted(connection, week)
            chosen = _chosen(connection, week)
            metrics = _metrics(connection, week, chosen)
        with writing(engine) as connection:
            aggregates.hold_votes(connection)
            kept = releases.of_week(connection, week)
            if kept is not None:
                return kept
            # Who was erased while we looked must not be in it, and another release may have voted anew: look again.
            if counted == aggregates.counted(connection, week) == aggregates.voted(connection, week):
                return _publish(connection, week, today, metrics, chosen, chance)


def _check(week: str, today: date, before: KeptRelease | None) -> None:
    try:
        over = last_day(week) < today
    except ValueError as error:
        raise InvalidOption(f"--week {week:.20}: {error}") from error
    if not over:
        raise InvalidOption(f"--week {week}: it is not over; a week can be released from its next Monday on")
    if before is not None and week <= before.week:
        raise InvalidOption(f"--week {week}: {before.week} is released already, and weeks are released in order")


def _vote(engine: Engine, week: str) -> None:
    begin, end = first_day(week).isoformat(), last_day(week).isoformat()
    after = ""
    while True:
        with writing(engine) as connection:
            reporters = aggregates.reporters(connection, begin, end, after=after, most=_CLUSTERS_AT_ONCE)
            aggregates.hold_votes(connection)
            # The votes of a release that another process has published meanwhile are what later weeks are held against.
            if not reporters or releases.of_week(connection, week) is not None:
                return
            standing = [pid for pid, revoked in reporters.items() if not revoked]
            rows = [
                (pid, _row(vote))
                for pid, documents in aggregates.documents(connection, standing, begin, end)
                for vote in votes.votes(map(json.loads, documents))
            ]
            # Also of those who have revoked since a release that was killed has let them vote.
            aggregates.replace_votes(connection, list(reporters), week, rows)
        after = max(reporters)


def _count(engine: Engine, week: str) -> None:
    is_in = False
    while not is_in:
        with counting(engine) as connection:
            histograms = aggregates.count(connection, week)
        with writing(engine) as connection:
            aggregates.hold_votes(connection)
            is_in = aggregates.put(connection, week, histograms)


def _row(vote: votes.Vote) -> dict[str, Any]:
    return {
        "metric": vote.metric,
        "place": vote.place,
        "day": vote.day,
        "provider": vote.facts.provider,
        "region_class": vote.facts.region_class,
        "minor": vote.facts.minor,
        "node_bucket": vote.facts.node_bucket,
        "bucket": vote.bucket,
    }


def _chosen(connection: Connection, week: str) -> dict[Key, _Chosen]:
    """Return what may be published of each metric, after all that has been published before."""
    voted = {
        key: contributors
        for key, contributors in aggregates.contributors(connection, week)
        if votes.measure(key[0]) is not None
    }
    most = most_cohorts(len(voted))
    chosen = {key: _largest(contributors, most) for key, contributors in voted.items()}
    for then, noted in releases.groups_then(connection):
        groups = _groups(noted)
        for key, in_common in aggregates.in_common(connection, then, week):
            if key in groups and key in chosen:
                chosen[key] = _unexposed(groups[key], chosen[key], in_common)
    return chosen


def most_cohorts(metrics: int) -> int:
    """Return how many cohorts each of so many metrics may have in a release."""
    return min(_MOST_COHORTS, _MOST_COHORTS_IN_ALL // max(1, metrics))


def _largest(contributors: Mapping[Words, int], most: int) -> _Chosen:
    """Return the cohorts that may be published, coarse ones first: of any some may be left out."""
    sums = disclosure.totals(contributors)
    cohorts = sorted(disclosure.choose(contributors), key=lambda cell: (-cell[0], -sums[cell], cell[1]))
    return _Chosen(contributors=contributors, cohorts=frozenset(cohorts[:most]))


def _unexposed(then: Groups, now: _Chosen, in_common: Mapping[tuple[Words, Words], int]) -> _Chosen:
    while True:
        groups = now.groups
        shared: Counter[tuple[Cell, Cell]] = Counter()
        for (before, after), count in in_common.items():
            pair = then.of(before), groups.of(after)
            if pair[0] is not None and pair[1] is not None:
                shared[pair[0], pair[1]] += count
        exposed = disclosure.exposed(then, groups, shared)
        if not exposed:
            return now
        now = now.without(exposed)


def _metrics(connection: Connection, week: str, chosen: Mapping[Key, _Chosen]) -> list[MetricBaseline]:
    """Return the baselines of each metric: what is new, and for other cohorts what was published before."""
    kept = releases.latest(connection)
    before = {} if kept is None else read_release(kept.document).by_metric
    keys = sorted({*chosen, *before})
    most = most_cohorts(len(keys))
    found = []
    for key in keys:
        meaning = votes.measure(key[0])
        if meaning is None:
            continue
        fresh = list(_fresh(connection, week, key, chosen[key])) if key in chosen else []
        # Of other buckets than today's, out of an earlier schema, figures would be read as something else.
        carried = list(_carried(week, before[key], fresh)) if key in before and meaning.is_of(before[key]) else []
        if fresh or carried:
            found.append(metric_baseline(*key, meaning, (fresh + carried)[:most]))
    return found


def _fresh(connection: Connection, week: str, key: Key, chosen: _Chosen) -> Iterator[CohortBaseline]:
    buckets: dict[Cell, Counter[int]] = {cell: Counter() for cell in sorted(chosen.cohorts)}
    for words, bucket, count in aggregates.histograms(connection, week, key):
        for cell in disclosure.cells(words):
            if cell in buckets:
                buckets[cell][bucket] += count
    yield from (cohort_baseline(cell, week, counts) for cell, counts in buckets.items())


def _carried(week: str, before: MetricBaseline, fresh: list[CohortBaseline]) -> Iterator[CohortBaseline]:
    renewed = {(each.rung, each.cohort) for each in fresh}
    for each in before.cohorts:
        age_weeks = (first_day(week) - first_day(each.week)).days // 7
        if (each.rung, each.cohort) not in renewed and age_weeks <= _CARRIED_WEEKS:
            yield each


def _publish(
    connection: Connection,
    week: str,
    today: date,
    metrics: list[MetricBaseline],
    chosen: Mapping[Key, _Chosen],
    chance: Random,
) -> KeptRelease:
    releases.close_fragments(connection, week)
    fragments = fragment_baselines(week, releases.tallies(connection, week), chance)
    document = Release(week=week, metrics=(*metrics, *fragments)).model_dump_json()
    kept = KeptRelease(
        week=week,
        released_day=today.isoformat(),
        contributors=told(aggregates.voters(connection, week)),
        sha256=hashlib.sha256(document.encode()).hexdigest(),
        document=document,
        groups_then=_noted(chosen),
    )
    releases.keep(connection, kept)
    return kept


def _noted(chosen: Mapping[Key, _Chosen]) -> Any:
    return [
        [*key, [[rung, list(words), size] for (rung, words), size in sorted(each.groups.sizes.items())]]
        for key, each in chosen.items()
    ]


def _groups(noted: Any) -> dict[Key, Groups]:
    return {
        (metric, place): Groups({(rung, tuple(words)): size for rung, words, size in groups})
        for metric, place, groups in noted
    }
