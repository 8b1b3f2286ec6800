"""What has changed about a cluster over all that is stored of it. Pure.

Every metric on a logarithmic scale is a series of days; where its level changed is found by
`probes.measure.changepoint` and held to one false discovery rate over all series of the cluster. Early warnings are
left to the agent: with a hundred series a cluster, each with a false alarm in some hundred values, a service that
looks every day would always have one.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import partial
from itertools import groupby
from operator import itemgetter
from statistics import median_low
from typing import Any

from agent.wire.fields import TABLE
from agent.wire.numbers import GAMMA
from agent.wire.records import Several
from agent.wire.types import Bool, Choice
from corrective_drift import votes
from corrective_drift.quantities import better_of, unit_of
from probes.measure.baselines import Scale
from probes.measure.changepoint import reason_to_abstain
from probes.measure.drift import FALSE_DISCOVERY_RATE, Course, Finding, changed, reconfigured
from probes.measure.record import Record

Document = Mapping[str, Any]

SETTINGS = frozenset(
    {field.name for field in TABLE if isinstance(field.kind, Bool | Choice | Several)}
    | {"cluster.minor", "nodes.version_skew"}
)
"""Words about a cluster; ranges of counts go back and forth at their edges, and are no setting."""
_MOST_SETTINGS = 100


class Drifted(Record):
    """One thing that is another than before."""

    kind: str
    """`changed` for a level, `reconfigured` for a setting."""
    what: str
    """A metric with its place, such as `storage.read_latency quick/aws_ebs`, or a field."""
    since: date
    before: float | str
    after: float | str
    unit: str | None
    worse: bool | None
    """Null where neither direction is a merit."""
    p_value: float | None


class Drift(Record):
    """All that has changed about a cluster."""

    days: int
    first_day: date | None
    last_day: date | None
    series: int
    """How many could be looked at; the false discovery rate is kept over them."""
    too_short: int
    """How many have too few days for any change to be told from chance."""
    false_discovery_rate: float
    findings: tuple[Drifted, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A metric at a place, a value a day, oldest first."""

    metric: str
    place: str
    days: tuple[date, ...]
    values: tuple[float, ...]

    @property
    def is_too_short(self) -> bool:
        """Whether no change in it could be told from chance."""
        return reason_to_abstain(len(self.values), alpha=FALSE_DISCOVERY_RATE) is not None

    @property
    def course(self) -> Course:
        """It as the detectors want it."""
        return Course(
            probe=self.metric,
            metric=self.place,
            title=self.metric,
            unit=unit_of(self.metric),
            better=better_of(self.metric),
            medians=self.values,
            times=[datetime.combine(day, time(), UTC) for day in self.days],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What has changed, and what was looked at for it."""

    drift: Drift
    series: tuple[tuple[Series, Drifted | None], ...]
    """All of them, each with its change of level."""


def drift(documents: Sequence[Document]) -> Drift:
    """Return what has changed over a cluster's documents, in any order."""
    return look(documents).drift


def look(documents: Sequence[Document]) -> Looked:
    """Return what has changed over a cluster's documents, in any order, and every series of them."""
    ordered = sorted(documents, key=itemgetter("day"))
    found = tuple(series(ordered))
    long_enough = [each for each in found if not each.is_too_short]
    levels = {(each.subject, each.what): _level(each) for each in changed([each.course for each in long_enough])}
    findings = (*levels.values(), *map(_setting, _reconfigured(ordered)))
    days = sorted({each["day"] for each in ordered})
    return Looked(
        drift=Drift(
            days=len(days),
            first_day=days[0] if days else None,
            last_day=days[-1] if days else None,
            series=len(long_enough),
            too_short=len(found) - len(long_enough),
            false_discovery_rate=FALSE_DISCOVERY_RATE,
            findings=findings,
            reason=_reason(len(findings), len(long_enough)),
        ),
        series=tuple((each, levels.get((each.metric, each.place))) for each in found),
    )


def series(documents: Sequence[Document]) -> Iterator[Series]:
    """Yield every metric on a logarithmic scale: of several reports of a day the lower median counts."""
    said: dict[tuple[str, str], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for document in documents:
        for key, bucket in votes.statements(document):
            said[key][document["day"]].append(bucket)
    for (metric, place), by_day in sorted(said.items()):
        measure = votes.measure(metric)
        if measure is None or measure.scale is not Scale.LOGARITHMIC:
            continue
        days = sorted(by_day)
        yield Series(
            metric=metric,
            place=place,
            days=tuple(map(date.fromisoformat, days)),
            values=tuple(_value(measure, median_low(by_day[day])) for day in days),
        )


def _value(measure: votes.Measure, bucket: int) -> float:
    # Zero and all below share the first bucket, which on this scale would be some millionths.
    if bucket <= measure.first:
        return 0.0
    low, high = GAMMA ** (bucket - measure.step), GAMMA**bucket
    return float(2 * low * high / (low + high))


def _reconfigured(documents: Sequence[Document]) -> list[Finding]:
    """Return the latest differences of settings between a report and what was last said before it."""
    known: dict[str, dict[str, object]] = {}
    found: list[Finding] = []
    settings = sorted(SETTINGS)
    for day, of_day in groupby(documents, key=itemgetter("day")):
        differing = partial(reconfigured, fields=settings, at=_at(day))
        # Of a day's reports nothing tells which came first: a setting that has changed in between is told once.
        for document in sorted(of_day, key=lambda each: len(differing(known, each))):
            found += differing(known, document)
            known = _updated(known, document)
    return found[-_MOST_SETTINGS:]


def _updated(known: Mapping[str, dict[str, object]], document: Document) -> dict[str, dict[str, object]]:
    """Return the last that was said of each field: a report may lack what could not be collected that day."""
    said = {subject: fields for subject, fields in document.items() if isinstance(fields, Mapping)}
    return {**known, **{subject: {**known.get(subject, {}), **fields} for subject, fields in said.items()}}


def _at(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), time(), UTC)


def _level(finding: Finding) -> Drifted:
    return _drifted(finding, f"{finding.subject} {finding.what}".rstrip())


def _setting(finding: Finding) -> Drifted:
    return _drifted(finding, finding.title)


def _drifted(finding: Finding, what: str) -> Drifted:
    assert finding.since is not None, "both kinds of finding have a day"
    return Drifted(
        kind=finding.kind.value,
        what=what,
        since=finding.since.date(),
        before=finding.before,
        after=finding.after,
        unit=None if finding.unit is None else finding.unit.value,
        worse=finding.worse,
        p_value=finding.p_value,
    )


def _reason(found: int, looked_at: int) -> str:
    if found:
        return f"{found} found"
    if not looked_at:
        return "no series has enough days for a change to be told from chance"
    return f"nothing has changed in {looked_at} series"
