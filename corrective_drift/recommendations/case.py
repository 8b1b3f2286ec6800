"""What a rule is given, and what it gives. Pure."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from agent.wire.numbers import GAMMA
from corrective_drift import votes
from corrective_drift.recommendations.evidence import Evidence, Series
from corrective_drift.recommendations.finding import Abstention, Observed, Reference, Saving
from corrective_drift.recommendations.prices import Prices
from corrective_drift.recommendations.trial import Trial, typical
from probes.measure.baselines import LADDER, CohortBaseline, Release


@dataclass(frozen=True)
class Case:
    """A cluster on a day."""

    evidence: Evidence
    release: Release
    today: date
    prices: Prices

    @cached_property
    def nodes_known(self) -> bool:
        """Whether the cluster tells how many nodes it has, and that they are more than one."""
        nodes = self.evidence.latest("nodes.count")
        return nodes is not None and nodes.low >= 2

    def cohort(self, metric: str, place: str = "") -> CohortBaseline | None:
        """Return the finest published cohort that the cluster is in."""
        facts = self.evidence.facts
        return None if facts is None else votes.cohort(self.release, metric, place, facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What a rule suspects; whether it is said is up to the gates."""

    subject: str
    trial: Trial | None
    """None where nothing of chance is in it."""
    observed: Observed
    baseline: Reference
    action: str
    risk: str
    undo: str
    savings: tuple[Saving, ...] = ()
    suspected: bool = True
    """Whether what the test can't tell speaks for it too; a test that was made counts among all tests anyway."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule."""

    name: str
    version: int
    title: str
    judge: Callable[[Case], Iterator["Candidate | Abstention"]]
    needs: tuple[str, ...] = ()
    """The fields or metrics that it reads, for documentation and for what is missing."""

    def abstains(self, reason: str, subject: str = "") -> Abstention:
        """Return that it can't know."""
        return Abstention(rule=self.name, subject=subject, reason=reason)


def observed(what: str, series: Series, unit: str) -> Observed:
    """Return what a series says. It must not be empty."""
    value, interval = typical(series)
    return Observed(
        what=what,
        value=value,
        low=interval.low,
        high=interval.high if math.isfinite(interval.high) else None,
        unit=unit,
        days=len(series),
        first_day=series[0].day,
        last_day=series[-1].day,
    )


def against_threshold(threshold: float, source: str) -> Reference:
    """Return a reference that is a rule's own."""
    return Reference(kind="threshold", threshold=threshold, source=source)


def against_cohort(metric: str, place: str, cohort: CohortBaseline, threshold: float) -> Reference:
    """Return a reference that is a published cohort of a metric on a logarithmic scale."""
    names = LADDER[cohort.rung]
    return Reference(
        kind="community",
        threshold=threshold,
        source=f"released baseline of {metric}{f' {place}' if place else ''}",
        rung=cohort.rung,
        cohort=dict(zip(names, cohort.cohort, strict=True)),
        contributors=cohort.contributors,
        percentiles={name: value_of(bucket) for name, bucket in cohort.percentiles.items()},
        week=cohort.week,
    )


def value_of(bucket: int) -> float:
    """Return the upper end of a logarithmic bucket."""
    return float(GAMMA**bucket)
