"""A fleet that doesn't exist, to see what the service does to it: k, differencing, erasing, advice, drift.

Thousands of synthetic clusters with known faults report for weeks; each week is released. Their documents are real
ones, which the service's own ingest judges; their pseudonyms say that they are synthetic, and no service takes them but
one that was started as a simulation. The store lies in a directory of its own and goes with it: nothing is shipped.

    python benchmarks/fleet.py                       # 10 000 clusters, 8 weeks
    python benchmarks/fleet.py --clusters 600 --erase 60 --drift 40    # a first look, a minute

Prints a table; exits with 1 where a goal was missed.
"""

import argparse
import math
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Engine

from benchmarks import fleet_attack, fleet_http, fleet_judge
from benchmarks.fleet_store import Plan, fill
from corrective_drift.releases import release
from corrective_drift.store.engine import open_engine
from corrective_drift.store.migrate import migrate
from corrective_drift.weeks import week_of
from probes.measure.baselines import LEAST_CONTRIBUTORS, Release, read_release
from probes.measure.drift import FALSE_DISCOVERY_RATE

Found = TypeVar("Found")
_FIRST = date(2026, 9, 28)
_PRECISION, _RECALL = 0.95, 0.8
# A right detector misses the goal by bad luck in one run of a hundred.
_LUCK = 0.01


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table."""

    what: str
    goal: str
    seen: str
    met: bool


def rows(plan: Plan, *, processes: int, erase: int, drift: int, over_http: int) -> Iterator[Row]:
    """Run everything; yield the lines as they are known."""
    with tempfile.TemporaryDirectory(prefix="fleet-") as name, _store(Path(name)) as engine:
        directory = Path(name)
        documents = _timed("filling", lambda: fill(engine, plan, processes=processes, tell=_quiet))
        yield Row("clusters × weeks", "", f"{plan.clusters} × {plan.weeks}, {documents} documents", met=True)
        releases = _timed("releasing", lambda: _released(engine, plan))
        yield from _private(_timed("attacking", lambda: fleet_attack.attacked(engine, releases)))
        score = _timed("advising", lambda: fleet_judge.judged(engine, plan, releases[-1], _quiet))
        yield from _advised(score)
        weeks = [each.week or "" for each in releases]
        left = _timed("erasing", lambda: fleet_judge.erased(engine, plan, erase, weeks, directory))
        yield Row(
            f"{erase} clusters erased: all weeks equal to a recount",
            "yes",
            _word(left.equal_to_recount),
            met=left.equal_to_recount,
        )
        yield Row(
            "the last week equal to votes from documents",
            "yes",
            _word(left.equal_to_rebuild),
            met=left.equal_to_rebuild,
        )
    seen = _timed("drift", lambda: fleet_judge.drifts(plan.seed, drift, 56, _quiet))
    yield from _drifted(seen)
    same = _timed("over HTTP", lambda: fleet_http.asked(plan, over_http))
    yield Row(
        f"{over_http} clusters over HTTP: receipts, and the same advice",
        "all",
        f"{same} of {over_http}",
        met=same == over_http,
    )


def _private(seen: fleet_attack.Seen) -> Iterator[Row]:
    k = LEAST_CONTRIBUTORS
    yield Row(
        f"smallest of {seen.cohorts} published cohorts",
        f"≥ {k}",
        str(seen.smallest_cohort),
        met=seen.smallest_cohort >= k,
    )
    yield Row("cohorts that overstate their contributors", "0", str(seen.overstated), met=not seen.overstated)
    # A pair whose groups no cut below k parts has no number of its own.
    least = f"{seen.smallest_difference}" if seen.smallest_difference < 1 << 30 else f"none below {k}"
    yield Row(
        f"smallest group that {seen.pairs} subtractions of releases may tell apart",
        f"≥ {k}", least, met=seen.smallest_difference >= k,
    )  # fmt: skip


def _advised(score: fleet_judge.Score) -> Iterator[Row]:
    said, planted = score.right + score.wrong, score.right + score.missed
    yield Row(
        "recommendations: precision",
        f"≥ {_PRECISION:.0%}",
        f"{score.precision:.1%} of {said.total()}",
        met=score.precision >= _PRECISION,
    )
    yield Row(
        "recommendations: recall",
        f"≥ {_RECALL:.0%}",
        f"{score.recall:.1%} of {planted.total()}",
        met=score.recall >= _RECALL,
    )
    for rule in sorted(said | planted):
        right = score.right[rule]
        found = f"{_share(right, planted[rule])} of {planted[rule]} found"
        yield Row(
            f"· {rule}",
            "",
            f"{_share(right, said[rule])} of {said[rule]} right, {found}",
            met=True,
        )


def _drifted(seen: fleet_judge.Drifts) -> Iterator[Row]:
    most = _limit(seen.quiet, FALSE_DISCOVERY_RATE)
    goal = f"≤ {FALSE_DISCOVERY_RATE:.0%}: {most} by chance"
    yield Row(
        f"drift: quiet clusters with a finding, of {seen.quiet}",
        goal,
        str(seen.quiet_alarmed),
        met=seen.quiet_alarmed <= most,
    )
    yield Row("drift: findings that are false", "", f"{seen.false} of {seen.reported}", met=True)
    yield Row("drift: planted steps found within a week", "", f"{seen.found} of {seen.stepped}", met=True)
    yield Row("drift: settings exactly as planted", "yes", _word(seen.settings_right), met=seen.settings_right)


def _released(engine: Engine, plan: Plan) -> list[Release]:
    weeks = [week_of(plan.first + timedelta(days=7 * at)) for at in range(plan.weeks)]
    today, chance = plan.last + timedelta(days=1), random.Random(plan.seed)
    return [read_release(release(engine, week, today=today, chance=chance).document) for week in weeks]


def _limit(tries: int, chance: float) -> int:
    """Return how many successes are not yet too many to be luck."""
    upto = 0.0
    for count in range(tries + 1):
        upto += math.comb(tries, count) * chance**count * (1 - chance) ** (tries - count)
        if upto >= 1 - _LUCK:
            return count
    return tries


@contextmanager
def _store(directory: Path) -> Iterator[Engine]:
    engine = open_engine(f"sqlite:///{directory / 'fleet.db'}")
    try:
        migrate(engine)
        yield engine
    finally:
        engine.dispose()


def _timed(what: str, work: Callable[[], Found]) -> Found:
    begun = time.monotonic()
    found = work()
    print(f"{what}: {time.monotonic() - begun:.0f} s", file=sys.stderr)
    return found


def _quiet(_done: int) -> None:
    """Nobody watches."""


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "–"


def _word(fact: bool) -> str:  # noqa: FBT001 - a word for it is all it makes
    return "yes" if fact else "no"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clusters", type=int, default=10_000)
    parser.add_argument("--weeks", type=int, default=8)
    parser.add_argument("--erase", type=int, default=500)
    parser.add_argument("--drift", type=int, default=400, help="clusters that are looked at for drift")
    parser.add_argument("--over-http", type=int, default=40, help="clusters that send over HTTP")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=20_261_124)
    chosen = parser.parse_args()
    plan = Plan(seed=chosen.seed, clusters=chosen.clusters, weeks=chosen.weeks, first=_FIRST)
    print("| what | goal | seen |\n| --- | --- | --- |")
    missed = 0
    for row in rows(
        plan, processes=chosen.processes, erase=chosen.erase, drift=chosen.drift, over_http=chosen.over_http
    ):
        print(f"| {row.what} | {row.goal} | {row.seen}{'' if row.met else ' **missed**'} |", flush=True)
        missed += not row.met
    print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB", file=sys.stderr)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
