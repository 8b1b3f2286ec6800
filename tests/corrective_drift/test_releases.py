"""A week is released once, out of what was reported, for groups only; an erasure equals counting anew."""

import json
import random
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, func, insert, select

from agent.levels import Level
from corrective_drift import releases
from corrective_drift.errors import InvalidOption
from corrective_drift.store import aggregates, erasures
from corrective_drift.store.engine import reading, writing
from corrective_drift.store.releases import KeptRelease
from corrective_drift.store.schema import CELLS, CLUSTERS, FRAGMENT_TALLIES, FRAGMENTS, RELEASES, REPORTS, VOTES
from corrective_drift.weeks import first_day, last_day
from probes.measure.baselines import LEAST_CONTRIBUTORS, Release, read_release
from tests.corrective_drift.attack import pieces, unions
from tests.corrective_drift.documents import document
from tests.corrective_drift.fleet import REGIONS, TODAY, WEEKS, Synthetic, fleet, report
from tests.corrective_drift.fleet import released as release_of


def released(engine: Engine, week: str) -> Release:
    return read_release(release_of(engine, week).document)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporting:
    """A cluster whose document is made by the agent's own code."""

    number: int
    day: date

    @property
    def pid(self) -> str:
        return f"synthetic-{self.number:06}"

    def document(self, _day: str) -> str:
        return document(self.number, self.day, Level.DETAILED).decode()


def aggregate(connection: Connection) -> list[tuple[Any, ...]]:
    return sorted(tuple(row) for row in connection.execute(select(CELLS)))


def erase(engine: Engine, clusters: Iterable[Synthetic]) -> None:
    with writing(engine) as connection:
        for each in clusters:
            erasures.lock(connection, each.pid)
            connection.execute(REPORTS.delete().where(REPORTS.c.cluster_pid == each.pid))
            aggregates.subtract(connection, each.pid)
            connection.execute(CLUSTERS.delete().where(CLUSTERS.c.cluster_pid == each.pid))


def test_an_installation_without_reports_releases_no_baseline(engine: Engine) -> None:
    release = released(engine, WEEKS[0])
    assert release.is_empty
    assert release.week == WEEKS[0]


def test_below_twenty_clusters_there_is_nothing_and_from_twenty_on_there_is(engine: Engine) -> None:
    report(engine, WEEKS[0], fleet(LEAST_CONTRIBUTORS - 1))
    assert released(engine, WEEKS[0]).is_empty
    report(engine, WEEKS[1], fleet(LEAST_CONTRIBUTORS))
    (metric,) = released(engine, WEEKS[1]).metrics
    assert metric.metric == "usage.cpu_used_p50"
    assert {each.rung for each in metric.cohorts} == {0, 1, 2, 3, 4}
    assert {each.contributors for each in metric.cohorts} == {LEAST_CONTRIBUTORS}
    assert metric.cohorts[0].percentiles.keys() == {"p25", "p50", "p75"}


def test_a_percentile_is_that_of_the_clusters(engine: Engine) -> None:
    clusters = [Synthetic(number=number, used=-(number % 40)) for number in range(100)]
    report(engine, WEEKS[0], clusters)
    (metric,) = released(engine, WEEKS[0]).metrics
    values = sorted(each.used * 8 for each in clusters)
    ranks = {5: 6, 10: 11, 25: 26, 50: 50, 75: 75, 90: 90, 95: 95}
    expected = {f"p{percent}": values[rank - 1] for percent, rank in ranks.items()}
    assert metric.cohorts[0].percentiles == expected


def test_a_week_is_released_once_and_stays_as_it_was(engine: Engine) -> None:
    report(engine, WEEKS[0], fleet(30))
    first = releases.release(engine, WEEKS[0], today=TODAY, chance=random.Random(1))
    report(engine, WEEKS[0], fleet(30, first=100))
    erase(engine, fleet(5))
    assert releases.release(engine, WEEKS[0], today=TODAY + timedelta(9), chance=random.Random(2)) == first


@pytest.mark.parametrize(("week", "why"), [("2026-W48", "not over"), ("2026-W54", "week"), ("lately", "2026-W07")])
def test_a_week_that_can_not_be_released_is_refused(engine: Engine, week: str, why: str) -> None:
    with pytest.raises(InvalidOption, match=why):
        released(engine, week)


def test_weeks_are_released_in_order(engine: Engine) -> None:
    released(engine, WEEKS[1])
    with pytest.raises(InvalidOption, match="in order"):
        released(engine, WEEKS[0])


def test_who_revoked_has_no_vote(engine: Engine) -> None:
    report(engine, WEEKS[0], fleet(LEAST_CONTRIBUTORS))
    with writing(engine) as connection:
        connection.execute(CLUSTERS.update().where(CLUSTERS.c.cluster_pid == fleet(1)[0].pid).values(revoked=True))
    assert released(engine, WEEKS[0]).is_empty


def test_erasing_is_subtracting_and_equals_counting_all_others_anew(engine: Engine) -> None:
    rng = random.Random(6)
    clusters = [Synthetic(number=n, region=rng.choice(REGIONS), used=-rng.randrange(20)) for n in range(120)]
    for week in WEEKS[:2]:
        report(engine, week, clusters)
        released(engine, week)
    erase(engine, rng.sample(clusters, 40))
    with writing(engine) as connection:
        subtracted = aggregate(connection)
        assert sum(row[-1] for row in subtracted) == 2 * 80
        for week in WEEKS[:2]:
            assert aggregates.put(connection, week, aggregates.count(connection, week))
        assert aggregate(connection) == subtracted


def test_who_is_erased_while_a_week_is_released_is_in_none_of_it(engine: Engine) -> None:
    clusters = fleet(200)
    report(engine, WEEKS[0], clusters)
    with ThreadPoolExecutor(1) as beside:
        releasing = beside.submit(release_of, engine, WEEKS[0])
        for each in clusters[:60]:
            erase(engine, [each])
        releasing.result()
    with reading(engine) as connection:
        assert set(connection.execute(select(VOTES.c.cluster_pid)).scalars()) == {each.pid for each in clusters[60:]}
        assert aggregate(connection) == sorted(aggregates.count(connection, WEEKS[0]))


def test_what_agents_report_is_released(engine: Engine) -> None:
    day = first_day(WEEKS[0])
    report(engine, WEEKS[0], [Reporting(number=number, day=day) for number in range(LEAST_CONTRIBUTORS)])
    release = released(engine, WEEKS[0])
    for metric, place in (("latency.connect", "quick"), ("usage.cpu_used_p50", ""), ("workloads.pods", "")):
        found = release.cohort(metric, place, {})
        assert found is not None
        assert found.contributors == LEAST_CONTRIBUTORS
    assert "1-4" in release.by_metric["workloads.pods", ""].words


def test_histograms_that_were_counted_before_an_erasure_are_not_put_in(engine: Engine) -> None:
    report(engine, WEEKS[0], fleet(30))
    released(engine, WEEKS[0])
    with writing(engine) as connection:
        counted = aggregates.count(connection, WEEKS[0])
        aggregates.subtract(connection, fleet(1)[0].pid)
        subtracted = aggregate(connection)
        assert not aggregates.put(connection, WEEKS[0], counted)
        assert aggregate(connection) == subtracted


def test_an_erasure_tells_what_it_took_and_the_second_takes_nothing(engine: Engine) -> None:
    report(engine, WEEKS[0], fleet(30))
    released(engine, WEEKS[0])
    with writing(engine) as connection:
        assert aggregates.subtract(connection, fleet(1)[0].pid) == aggregates.Subtracted(votes=1, weeks=(WEEKS[0],))
        assert aggregates.subtract(connection, fleet(1)[0].pid) == aggregates.Subtracted(votes=0, weeks=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Outdated:
    """A cluster whose reports are out of an earlier schema."""

    number: int

    @property
    def pid(self) -> str:
        return f"synthetic-{self.number:06}"

    def document(self, day: str) -> str:
        cluster = {"provider": "aws", "region_class": "europe", "minor": "1.33"}
        usage = {"cpu_used_p50": 10**9, "idle_nodes": "a dozen"}
        latency = [{"metric": "connect", "median": 10**9, "rounds": "some", "doubts": []}]
        return json.dumps(
            {
                "day": day,
                "cluster": cluster,
                "nodes": {"count": "some dozens"},
                "usage": usage,
                "benchmarks": {"profile": "quick", "latency": latency},
            }
        )


def test_ranges_that_nobody_knows_any_more_stop_no_release(engine: Engine) -> None:
    report(engine, WEEKS[0], [*fleet(30), *(Outdated(number=number) for number in range(900, 930))])
    (metric,) = released(engine, WEEKS[0]).metrics
    assert {each.contributors for each in metric.cohorts} == {30}


def test_figures_in_buckets_of_an_earlier_schema_are_not_carried_on(engine: Engine) -> None:
    report(engine, WEEKS[0], fleet(30))
    kept = release_of(engine, WEEKS[0])
    report(engine, WEEKS[1], fleet(31))
    (metric,) = read_release(kept.document).metrics
    outdated = Release(week=kept.week, metrics=(metric.model_copy(update={"step": 2}),))
    with writing(engine) as connection:
        connection.execute(RELEASES.update().values(document=outdated.model_dump_json()))
    assert released(engine, WEEKS[1]).is_empty


def test_after_one_has_come_the_cohorts_stay_those_of_the_week_before(engine: Engine) -> None:
    report(engine, WEEKS[0], fleet(30))
    report(engine, WEEKS[1], fleet(31))
    first, second = released(engine, WEEKS[0]), released(engine, WEEKS[1])
    assert second.metrics == first.metrics
    assert second.week == WEEKS[1]


def test_after_an_erasure_no_release_differs_by_the_erased_cluster(engine: Engine) -> None:
    report(engine, WEEKS[0], fleet(30))
    first = released(engine, WEEKS[0])
    erase(engine, fleet(1))
    report(engine, WEEKS[1], fleet(29, first=1))
    assert released(engine, WEEKS[1]).metrics == first.metrics


def test_unchanged_and_much_changed_cohorts_are_those_of_the_week(engine: Engine) -> None:
    for week, clusters in zip(WEEKS, (fleet(30), fleet(30), fleet(50)), strict=True):
        report(engine, week, clusters)
        (metric,) = released(engine, week).metrics
        assert {each.week for each in metric.cohorts} == {week}


def test_in_eight_weeks_of_a_changing_fleet_no_arithmetic_parts_a_small_group(engine: Engine) -> None:
    rng = random.Random(8)
    # One part of the world has few: what its cohort lacks, the others must not betray.
    regions = rng.choices(REGIONS, (100, 50, 6), k=150)
    clusters = [Synthetic(number=n, region=region, used=-rng.randrange(9)) for n, region in enumerate(regions)]
    published: list[list[int]] = []
    for number in range(8):
        week = f"2026-W{40 + number}"
        # A few come, a few go, a few move; in one week many.
        kept = rng.sample(clusters, 150 - (rng.choice((1, 2, 40))))
        moved = {each.number: rng.choice(REGIONS) for each in rng.sample(kept, 2)}
        taking_part = [replace(each, region=moved.get(each.number, each.region)) for each in kept]
        report(engine, week, taking_part)
        cohorts = released(engine, week).metrics[0].cohorts
        fresh = [(each.rung, each.cohort) for each in cohorts if each.week == week]
        published.append(unions(pieces(fresh, {each.number: each.words for each in taking_part})))
    differences = {(one ^ other).bit_count() for a in published for b in published for one in a for other in b} - {0}
    assert len(differences) > 8
    assert min(differences) >= LEAST_CONTRIBUTORS


def fragments(engine: Engine, week: str, counts: Mapping[str, int], fragment: str = "cpu") -> None:
    values = list(Counter(counts).elements())
    rows = [
        {
            "cluster_pid": "anonymous-00",
            "week": week,
            "fragment": fragment,
            "voter": f"{number:020}",
            "schema_digest": "0" * 64,
            "provider": "aws",
            "nodes": "5-15",
            "value": value,
        }
        for number, value in enumerate(values)
    ]
    with writing(engine) as connection:
        connection.execute(insert(FRAGMENTS), rows)


def test_closing_a_week_counts_its_fragments_and_forgets_their_voters(engine: Engine) -> None:
    fragments(engine, WEEKS[0], {"8-31": 50, "32-127": 50})
    fragments(engine, WEEKS[0], {"managed": 50}, fragment="distribution")
    fragments(engine, WEEKS[1], {"8-31": 1})
    (metric,) = released(engine, WEEKS[0]).metrics
    (cohort,) = metric.cohorts
    assert (metric.metric, cohort.rung, cohort.cohort) == ("minimal.nodes.cpu_cores", 2, ("aws", "5-15"))
    with reading(engine) as connection:
        assert set(connection.execute(select(FRAGMENTS.c.week)).scalars()) == {WEEKS[1]}
        assert connection.execute(select(func.sum(FRAGMENT_TALLIES.c.count))).scalar() == 150


def test_of_fragments_as_many_as_make_a_group_are_left_out(engine: Engine) -> None:
    fragments(engine, WEEKS[0], {"8-31": 100})
    assert released(engine, WEEKS[0]).metrics[0].cohorts[0].contributors == 100 - LEAST_CONTRIBUTORS
    fragments(engine, WEEKS[1], {"8-31": 2 * LEAST_CONTRIBUTORS - 1})
    assert [each.week for each in released(engine, WEEKS[1]).metrics[0].cohorts] == [WEEKS[0]]


def test_a_release_holds_no_cluster_and_no_voter(engine: Engine) -> None:
    report(engine, WEEKS[0], fleet(40))
    released(engine, WEEKS[0])
    with reading(engine) as connection:
        (row,) = connection.execute(select(RELEASES)).all()
    assert "synthetic-" not in str(tuple(row))


def test_forgetting_old_weeks_leaves_the_others(engine: Engine) -> None:
    for week in WEEKS[:2]:
        report(engine, week, fleet(30))
        released(engine, week)
    with writing(engine) as connection:
        aggregates.forget(connection, WEEKS[1])
        assert set(connection.execute(select(VOTES.c.week)).scalars()) == {WEEKS[1]}
        assert set(connection.execute(select(CELLS.c.week)).scalars()) == {WEEKS[1]}


def test_a_killed_release_is_carried_on(engine: Engine) -> None:
    report(engine, WEEKS[0], fleet(30))
    with writing(engine) as connection:
        aggregates.replace_votes(connection, [fleet(1)[0].pid], WEEKS[0], [])
        assert aggregates.put(connection, WEEKS[0], aggregates.count(connection, WEEKS[0]))
    kept = releases.release(engine, WEEKS[0], today=TODAY, chance=random.Random(1))
    assert isinstance(kept, KeptRelease)
    assert kept.contributors == 30
    assert last_day(kept.week) < TODAY


def test_the_more_metrics_there_are_the_fewer_cohorts_each_has() -> None:
    counts = [releases.most_cohorts(metrics) for metrics in (0, 1, 100, 500, 5000)]
    assert counts == sorted(counts, reverse=True)
    assert all(count * metrics <= 15_000 for count, metrics in zip(counts, (0, 1, 100, 500, 5000), strict=True))
